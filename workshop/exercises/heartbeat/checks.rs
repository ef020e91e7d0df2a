//! Checks of exercise 5: a watch that pings a silent peer, and returns how its connection ended.
//!
//! `watching` is the answer at work on a connection, `causes` are what can have gone wrong.

mod causes;
mod watching;

use std::{
    io::{self, ErrorKind, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use socket_workshop::{
    peer::set_min_ttl,
    table::{End, Row, State, Table},
};
use socket2::{Domain, SockRef, Socket, Type};

use self::watching::Watching;
use super::{Exercise, delay, full::fill};
use crate::exam::{
    AMPLE, Awaited, Because, Call, CheckError, Exam, Peer, Rule, Suite, Timing, Took, Verdict,
    check, numbered, or_skip, quote,
};

/// Exercise 5.
pub const EXERCISE: Exercise = Exercise {
    number: 5,
    name: "heartbeat",
    task: "ping a silent peer, and return whether it closed, reset, or stopped answering",
    hints: [
        "In an interval bytes arrive, or the connection ends, or neither. Wait for the first two, \
         but no longer than the interval, and count the pings since the last byte.",
        "`poll`, or a read with a timeout, waits for bytes, end of file and a reset. A read that \
         times out fails with WouldBlock on Unix: the interval is over, and a ping is due. The \
         ping must not wait: send it with MSG_DONTWAIT, or make the socket non-blocking for that \
         one write.",
        "loop { if readable within the interval { match stream.read(&mut buf)? { 0 => return \
         Ok(Closed), _ => unanswered = 0 } } else if unanswered == misses { return Ok(Silent) } \
         else { ping without waiting; unanswered += 1 } }, and around it: return Ok(Reset) for an \
         error that is a reset.",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 5 is held to.
pub const SUITE: Suite<Watch> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "When nothing has been received for `interval`, send one ping: the five bytes \
             `ping\\n`. Send one more after each further `interval` of silence. Send none early.",
            &[
                check(
                    "sends a ping after an interval of silence",
                    sends_a_ping_after_an_interval,
                ),
                check(
                    "sends no ping while the peer keeps sending",
                    sends_no_ping_while_the_peer_sends,
                ),
                check(
                    "sends a ping after bytes that fill a buffer",
                    sends_a_ping_after_a_full_buffer,
                ),
            ],
        ),
        Rule::core(
            "Read and discard every byte that the peer sends. Any byte is an answer: it restarts \
             the interval and sets the count of unanswered pings to 0.",
            &[
                check("accepts any byte as an answer", accepts_any_byte),
                check("counts from 0 after an answer", counts_from_0),
                check("reads everything that has arrived", reads_everything),
            ],
        ),
        Rule::core(
            "When `misses` pings in a row have each gone unanswered for an `interval`, return \
             Ok(Silent). That is exactly `misses` pings, and `misses` + 1 intervals after the last \
             byte.",
            &[
                check(
                    "returns Silent after the last unanswered ping",
                    returns_silent,
                ),
                check("accepts any interval and any count", accepts_any_count),
            ],
        ),
        Rule::core(
            "When end of file arrives, return Ok(Closed) immediately.",
            &[check("returns Closed at end of file", returns_closed)],
        ),
        Rule::core(
            "When a reset arrives, return Ok(Reset) immediately.",
            &[
                check("returns Reset after a reset", returns_reset),
                check(
                    "returns Reset when the peer closes with a ping unread",
                    returns_reset_with_a_ping_unread,
                ),
            ],
        ),
        Rule::hardened(
            "Never wait for room to send a ping. If there is no room, the ping counts as sent and \
             unanswered: do not send it later.",
            &[
                check(
                    "counts a ping for which there is no room",
                    counts_a_ping_without_room,
                ),
                check(
                    "does not send a ping later for which there was no room",
                    sends_no_ping_later,
                ),
            ],
        ),
        Rule::hardened(
            "Return every other error.",
            &[check("returns other errors", returns_other_errors)],
        ),
        Rule::hardened(
            "Wait in a system call that returns when a byte, end of file or a reset comes. Do not \
             sleep between attempts to read, and do not spin.",
            &[
                check(
                    "waits in a call that the peer ends",
                    waits_in_a_call_that_the_peer_ends,
                ),
                check("does not spin while it waits", does_not_spin),
            ],
        ),
        Rule::hardened(
            "A signal (EINTR) neither ends an interval nor restarts it.",
            &[check(
                "continues its interval after a signal",
                continues_after_a_signal,
            )],
        ),
        Rule::hardened(
            "On every path out, leave the stream open in both directions and its options \
             unchanged.",
            &[
                check("leaves the stream open", leaves_the_stream_open),
                check(
                    "leaves the options unchanged on every path",
                    leaves_the_options,
                ),
            ],
        ),
        Rule::hardened(
            "On every path out, leave no thread and no descriptor.",
            &[
                check("leaves no thread on any path", leaves_no_thread),
                check("leaves no descriptor on any path", leaves_no_descriptor),
            ],
        ),
    ],
    cause: causes::diagnose,
};

/// The student's function.
pub type Watch = fn(&TcpStream, Duration, u32) -> io::Result<Ended>;

/// How a watched connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The peer has closed: end of file.
    Closed,
    /// The peer did not answer the last `misses` pings.
    Silent,
    /// The peer has reset the connection.
    Reset,
}

const PING: &[u8] = b"ping\n";

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn sends_a_ping_after_an_interval(exam: &Exam, watch: Watch) -> Verdict {
    sends_no_ping_before(exam, watch)?;
    let interval = ms(300);
    let (peer, watching) = Watching::begin(exam, watch, interval, 3)?;
    watching.pings(&peer)?;
    let due = watching.called() + interval;
    watching
        .not_before(due, Instant::now(), "the first ping")
        .caused_by(causes::TOO_EARLY)?;
    watching.goes_on("1 of 3 pings is unanswered")?;
    peer.close();
    watching.comes_to_its_end()?;
    keeps_all_of_a_long_interval(exam, watch)
}

/// With an interval of an hour no ping is due, however busy the machine is.
fn sends_no_ping_before(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, AMPLE, 3)?;
    exam.comes_to_rest()?; // one that spins is found elsewhere
    let came = watching.arrived(&peer)?;
    exam.must(came.is_empty(), "no ping before its time", shown(&came))
        .caused_by(causes::TOO_EARLY)?;
    peer.close();
    watching.comes_to_its_end()
}

/// Each of these is [`CUT`] longer than the range of a number in which a time may be kept: 16 bits
/// of milliseconds or of seconds' parts, 31 and 32 bits of nanoseconds, 8 bits of seconds.
const LONG: [Duration; 5] = [
    ms(32_768 + CUT),
    ms(65_536 + CUT),
    Duration::from_nanos((1 << 31) + CUT * 1_000_000),
    Duration::from_nanos((1 << 32) + CUT * 1_000_000),
    ms(256_000 + CUT),
];
const CUT: u64 = 60;

fn keeps_all_of_a_long_interval(exam: &Exam, watch: Watch) -> Verdict {
    let begin = |interval| Watching::begin(exam, watch, interval, 3);
    let watches: Vec<_> = LONG.into_iter().map(begin).collect::<Verdict<_>>()?;
    thread::sleep(ms(4 * CUT)); // its length is the subject: what is left of an interval that is cut
    // No connection ends in between: that may take time, in which a ping of another becomes due.
    for ((peer, watching), interval) in watches.iter().zip(LONG) {
        let came = watching.arrived(peer)?;
        let expected = format!("no ping before an interval of {interval:?} is over");
        exam.must(came.is_empty(), expected, shown(&came))
            .caused_by(causes::CUTS_THE_INTERVAL)?;
    }
    Ok(())
}

fn sends_no_ping_while_the_peer_sends(exam: &Exam, watch: Watch) -> Verdict {
    let interval = ms(500);
    let send = || {
        let (peer, watching) = Watching::begin(exam, watch, interval, 3)?;
        let (last, excused) = watching.receives_a_byte_every(ms(50), &peer)?;
        let came = watching.arrived(&peer)?;
        Ok((peer, watching, last, excused, came))
    };
    let is_excused = |came: &[u8], excused| !came.is_empty() && came.len() <= excused * PING.len();
    let (mut peer, mut watching, mut last, mut excused, mut came) = send()?;
    for _ in 0..2 {
        if is_excused(&came, excused) {
            exam.step("a ping came, but the machine was busy: once more");
            (peer, watching, last, excused, came) = send()?;
        }
    }
    if is_excused(&came, excused) {
        let busy = "the machine is too busy for a peer that sends without a pause";
        return Err(CheckError::skipped(busy));
    }
    let expected = "no ping, because there was no silence";
    exam.must(came.is_empty(), expected, shown(&came))
        .because(causes::needless_ping)?;
    watching.pings(&peer)?;
    watching
        .not_before(last + interval, Instant::now(), "a ping")
        .caused_by(causes::TOO_EARLY)
}

/// The sizes of usual buffers. A read of this many bytes fills the buffer, and no byte follows.
const BUFFERS: [usize; 18] = [
    1, 5, 16, 32, 64, 100, 128, 256, 512, 1000, 1024, 1500, 2048, 4096, 8192, 16_384, 32_768,
    65_536,
];

fn sends_a_ping_after_a_full_buffer(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, ms(60), 1000)?;
    for size in BUFFERS {
        peer.send(&numbered(size)[..size])?;
        watching.reads_all()?;
        watching.queued(&peer)?; // pings that were sent before
        watching
            .pings(&peer)
            .because(|case| causes::reads_on(case, size))?;
    }
    Ok(())
}

fn accepts_any_byte(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, ms(300), 2)?;
    // Bytes that might not count as an answer come twice: one ping may go unanswered.
    let answers: [&[u8]; 9] = [
        b"pong\n", b"?", b"?", b"\xff", b"\xff", b"\0", b"\0", PING, PING,
    ];
    for answer in answers {
        watching.pings(&peer)?;
        watching.answers(&peer, answer)?;
    }
    watching.pings(&peer)?;
    watching.goes_on("all pings but the last were answered")
}

/// The first with two misses; then a single one, and many after short intervals: a minimum of the
/// answer's own would add up. In the last, an interval is a part of a millisecond, in which `poll`
/// counts: an answer that rounds down does not wait at all.
fn returns_silent(exam: &Exam, watch: Watch) -> Verdict {
    let part = Duration::from_micros(900);
    for (interval, misses) in [(ms(300), 2), (ms(300), 1), (ms(20), 10), (part, 20)] {
        let (peer, watching) = Watching::begin(exam, watch, interval, misses)?;
        let limit = interval * (misses + 1);
        let reference = exam.reference(limit)?;
        watching.falls_silent(&peer, &format!("when {misses} pings are unanswered"))?;
        let sent = watching.arrived(&peer)?;
        let expected = format!("exactly {misses} pings to have been sent");
        let right = sent == PING.repeat(misses as usize);
        exam.must(right, expected, shown(&sent))
            .because(|case| causes::pinged(case, &sent, misses))?;
        watching.is_in_time(
            reference,
            limit,
            (causes::NO_TIME_TO_ANSWER, causes::TOO_LATE),
        )?;
    }
    Ok(())
}

fn accepts_any_count(exam: &Exam, watch: Watch) -> Verdict {
    for interval in [AMPLE, Duration::from_micros(500)] {
        let (peer, watching) = Watching::begin(exam, watch, interval, u32::MAX)?;
        if interval < AMPLE {
            watching
                .is_pinging(&peer)
                .because(causes::computes_with_misses)?;
        } else {
            watching.rests()?;
        }
        peer.half_close()?;
        watching
            .ends(Ended::Closed, "after end of file")
            .because(causes::computes_with_misses)?;
    }
    Ok(())
}

fn counts_from_0(exam: &Exam, watch: Watch) -> Verdict {
    let mut was_late = false;
    for _attempt in 0..5 {
        match counts_from_0_once(exam, watch)? {
            Some(Ok(())) => return Ok(()),
            Some(late) if was_late => return late,
            Some(_) => {
                was_late = true;
                exam.step("`watch` was late, perhaps because the machine is busy: once more");
            }
            None => exam.step("the machine was too busy to judge the time: once more"),
        }
    }
    Ok(())
}

/// Whether it returned in time after the answer. None if the machine was too busy to say.
fn counts_from_0_once(exam: &Exam, watch: Watch) -> Verdict<Option<Verdict>> {
    let (interval, misses) = (ms(250), 3);
    let (peer, watching) = Watching::begin(exam, watch, interval, misses)?;
    watching.pings(&peer)?;
    watching.pings(&peer)?;
    let (answered, delay) = (Instant::now(), delay::of_others());
    watching.answers(&peer, b"yes")?;
    let reference = exam.reference(interval * 4)?;
    // On a busy machine the answer may have come too late for the third ping not to be sent.
    let late = watching.is_late_since(delay, 3);
    let ended = watching.falls_silent(&peer, "3 pings after the answer")?;
    let sent = watching.arrived(&peer)?;
    let right = sent == PING.repeat(3) || late && sent == PING.repeat(4);
    let expected = "3 more pings to have been sent after the answer";
    exam.must(right, expected, shown(&sent))
        .because(|case| causes::counted_on(case, &sent, misses))?;
    let due = answered + interval * 4;
    watching
        .not_before(due, ended, "Silent, 4 intervals after the answer")
        .caused_by(causes::NO_TIME_TO_ANSWER)?;
    if late {
        return Ok(None);
    }
    let took = Took {
        time: ended.saturating_duration_since(answered),
        ..watching.took()
    };
    let margin = interval / 2;
    let in_time = reference.judges(took, margin)? != Timing::Late;
    if in_time && took.time > interval * 4 + margin {
        return Ok(None); // it waited for a CPU: that may explain it, or hide a clock of its own
    }
    let expected = format!("Silent, {:?} after the answer", interval * 4);
    let seen = format!("it was {} ms after the answer", took.time.as_millis());
    let verdict = exam
        .must(in_time, expected, seen)
        .caused_by(causes::DOES_NOT_RESTART);
    Ok(Some(verdict))
}

fn returns_closed(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, AMPLE, 3)?;
    peer.send(b"hello")?;
    peer.half_close()?;
    watching.ends(Ended::Closed, "after end of file")?;

    let (peer, watching) = Watching::begin(exam, watch, ms(100), 20)?;
    watching.is_pinging(&peer)?;
    peer.half_close()?;
    watching.ends(Ended::Closed, "after end of file, with a ping unanswered")?;

    let (peer, watching) = without_room(exam, watch)?;
    peer.half_close()?;
    watching.ends(Ended::Closed, "after end of file, with no room for a ping")?;
    Ok(())
}

fn returns_reset(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, AMPLE, 3)?;
    peer.reset();
    watching.ends(Ended::Reset, "after the reset")?;

    let (peer, watching) = Watching::begin(exam, watch, AMPLE, 3)?;
    peer.send(b"hello")?;
    watching.reads_all()?;
    peer.reset();
    watching.ends(Ended::Reset, "after the reset")?;

    let (peer, watching) = without_room(exam, watch)?;
    peer.reset();
    watching.ends(Ended::Reset, "after the reset, with no room for a ping")?;
    Ok(())
}

/// The watch over a connection on which there is no room for a ping, and an hour until the first is
/// due.
fn without_room(exam: &Exam, watch: Watch) -> Verdict<(Peer<'_>, Watching<'_>)> {
    let (peer, theirs) = exam.connection()?;
    fill(exam, &theirs)?;
    let watching = Watching::on(theirs, exam, watch, AMPLE, 3)?;
    watching.rests()?;
    Ok((peer, watching))
}

/// A socket that is closed while bytes lie unread in its Recv-Q sends RST, not FIN (RFC 2525,
/// 2.17).
fn returns_reset_with_a_ping_unread(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, ms(100), 20)?;
    watching.is_pinging(&peer)?;
    peer.close();
    watching.ends(Ended::Reset, "after the close, which sends RST")?;
    Ok(())
}

/// The bytes and the FIN have arrived before the call.
fn reads_everything(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, theirs) = exam.connection()?;
    let end = or_skip("read an address", End::of(&theirs))?;
    peer.send(&numbered(20_000))?;
    peer.half_close()?;
    let arrived = |table: &Table| {
        let row = table.find(end)?;
        (row.state == State::CloseWait).then_some(())
    };
    if exam.table_shows(arrived)?.is_none() {
        return Err(CheckError::skipped(
            "what is sent on loopback does not arrive",
        ));
    }
    let watching = Watching::on(theirs, exam, watch, AMPLE, 3)?;
    watching.ends(Ended::Closed, "after the last byte and end of file")?;
    watching.reads_all().caused_by(causes::NOT_ALL_IS_READ)
}

fn counts_a_ping_without_room(exam: &Exam, watch: Watch) -> Verdict {
    let (_peer, theirs) = exam.connection()?;
    fill(exam, &theirs)?;
    let (interval, misses) = (ms(200), 2);
    let reference = exam.reference(interval * 3)?;
    let watching = Watching::on(theirs, exam, watch, interval, misses)?;
    watching
        .ends(Ended::Silent, "when there was no room for 2 pings")
        .because(|case| {
            let waits = case.awaited == Awaited::Return
                && case.is_blocked_in(&[Call::Poll, Call::Read])
                && !case.is_blocked_in(&[Call::Write])
                && watching.called().elapsed() > interval * (misses + 2);
            (waits && !case.panicked).then(|| causes::IS_NOT_COUNTED.to_owned())
        })?;
    let causes = (causes::FULL_IS_NO_ANSWER, causes::WAITS_FOR_ROOM);
    watching.is_in_time(reference, interval * 3, causes)
}

/// There is no room for the first two of four pings.
fn sends_no_ping_later(exam: &Exam, watch: Watch) -> Verdict {
    for _attempt in 0..3 {
        if sends_no_ping_later_once(exam, watch)? {
            return Ok(());
        }
        exam.step("the peer did not read between two pings, or there was room: once more");
    }
    Err(CheckError::skipped(
        "the machine is too busy: the peer could not read between two pings",
    ))
}

/// Whether the peer has read between the second ping and the third.
fn sends_no_ping_later_once(exam: &Exam, watch: Watch) -> Verdict<bool> {
    let (peer, theirs) = exam.connection()?;
    let end = or_skip("read an address", End::of(&theirs))?;
    let filled = fill(exam, &theirs)?;
    let (interval, misses) = (ms(300), 4);
    let watching = Watching::on(theirs, exam, watch, interval, misses)?;
    let begun = delay::of_others();
    exam.step("the peer reads nothing for 2.5 intervals, then everything");
    let reads = watching.called() + interval * 5 / 2;
    thread::sleep(reads.saturating_duration_since(Instant::now())); // its length is the subject
    let table = exam.table()?;
    let queued = |end, queue: fn(&Row) -> u32| table.find(end).map_or(0, queue) as usize;
    let all = queued(end, |row| row.send_q) + queued(end.other(), |row| row.recv_q);
    peer.receives(&vec![b'x'; filled])?;
    let is_late = watching.is_late_since(begun, 3 + 1) || Instant::now() > reads + interval / 3;
    let ended = watching.falls_silent(&peer, "when 4 pings are unanswered")?;
    let sent = watching.arrived(&peer)?;
    if is_late || all > filled {
        return Ok(false);
    }
    let expected = "2 pings, because there was no room for the first 2 of 4";
    let at_most = sent.len() <= 2 * PING.len();
    // Those for which there was no room were sent before the last interval, or others after it.
    let counted = ended < watching.called() + interval * 6;
    exam.must(at_most, expected, shown(&sent))
        .caused_by(match counted {
            true => causes::SENDS_IT_LATER,
            false => causes::IS_NOT_COUNTED,
        })?;
    exam.must(sent == PING.repeat(2), expected, shown(&sent))
        .because(|case| causes::pinged(case, &sent, 2))?;
    Ok(true)
}

/// A socket that was never connected fails with ENOTCONN.
fn returns_other_errors(exam: &Exam, watch: Watch) -> Verdict {
    unconnected(exam, watch)?.map(drop)?;

    // Each segment to the peer is lost.
    let (peer, theirs) = exam.connection()?;
    or_skip("set IP_MINTTL", set_min_ttl(peer.stream(), 255))?;
    let patience = SockRef::from(&theirs).set_tcp_user_timeout(Some(ms(100)));
    or_skip("set TCP_USER_TIMEOUT", patience)?;
    or_skip("write", (&theirs).write_all(b"?"))?;
    exam.step(
        "the peer's machine acknowledges nothing more (IP_MINTTL drops each segment): when \
         TCP_USER_TIMEOUT is over, the next read fails with ETIMEDOUT",
    );
    Watching::on(theirs, exam, watch, AMPLE, 3)?.ends_with_the_connection()
}

/// The watch over a socket that was never connected. It must return the error.
fn unconnected(exam: &Exam, watch: Watch) -> Verdict<Verdict<Watching<'_>>> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None);
    let stream = TcpStream::from(or_skip("make a socket", socket)?);
    exam.step("made a socket that is not connected: reads and writes fail with ENOTCONN");
    let watching = Watching::on(stream, exam, watch, AMPLE, 3)?;
    Ok(watching.fails(ErrorKind::NotConnected).map(|()| watching))
}

/// Each watch ends before the next begins: its threads would count as threads of the next.
fn waits_in_a_call_that_the_peer_ends(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, AMPLE, 3)?;
    watching.waits_for_the_peer()?;
    peer.send(b"hello")?;
    watching.reads_all()?;
    watching.waits_for_the_peer()?;
    peer.close();
    watching.comes_to_its_end()?;

    let (peer, watching) = without_room(exam, watch)?;
    watching.waits_for_the_peer()?;
    peer.close();
    watching.comes_to_its_end()?;

    // After a ping, after an answer to it, and after a ping for which there is no room.
    let interval = ms(300);
    let (peer, watching) = Watching::begin(exam, watch, interval, 1000)?;
    for _ in 0..2 {
        watching.is_pinging(&peer)?;
        watching.waits_for_the_peer()?;
        watching.queued(&peer)?;
        peer.send(b"hello")?;
        watching.reads_all()?;
        watching.waits_for_the_peer()?;
    }
    peer.close();
    watching.comes_to_its_end()?;

    let (peer, theirs) = exam.connection()?;
    fill(exam, &theirs)?;
    let watching = Watching::on(theirs, exam, watch, interval, 1000)?;
    thread::sleep(interval + interval / 3); // its length is the subject: the first ping is due
    watching.waits_for_the_peer()?;
    peer.close();
    watching.comes_to_its_end()
}

/// On a busy machine a thread that never waits gets little CPU time too, but far more than one that
/// waits.
fn does_not_spin(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, AMPLE, 3)?;
    watching.rests()?;
    peer.half_close()?;
    watching.ends(Ended::Closed, "after end of file")?;
    unless_by_chance(|| uses_little_between_pings(exam, watch))?;
    // Most of a millisecond is left over in each of many intervals. A thread that spins in it only
    // cannot do so when it is woken late: once more if the machine is busy.
    let (short, limit) = (Duration::from_micros(2990), ms(40));
    for _ in 0..4 {
        let delay = delay::of_others();
        let (peer, watching) = Watching::begin(exam, watch, short, 1000)?;
        uses_little(exam, &watching, &peer, (200, limit), causes::SPINS_TOO_MUCH)?;
        let is_busy = delay::of_others().saturating_sub(delay) > limit;
        peer.close();
        watching.comes_to_its_end()?;
        if !is_busy {
            break;
        }
    }
    unless_by_chance(|| uses_little_when_there_is_room(exam, watch))
}

/// A virtual machine's CPU time may count what its host gave to others. A thread that spins uses
/// too much each time.
fn unless_by_chance(check: impl Fn() -> Verdict) -> Verdict {
    check().or_else(|_| check()).or_else(|_| check())
}

fn uses_little_between_pings(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, ms(400), 10)?;
    uses_little(exam, &watching, &peer, (2, ms(30)), causes::SPINS_TOO_MUCH)?;
    watching.goes_on("no more than 3 of 10 pings are due")
}

/// There is no room for the first ping, and then the peer reads: what waits for room need not wait.
fn uses_little_when_there_is_room(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, theirs) = exam.connection()?;
    let filled = fill(exam, &theirs)?;
    let interval = ms(400);
    let watching = Watching::on(theirs, exam, watch, interval, 1000)?;
    exam.step("the peer reads nothing for 1.25 intervals, then everything");
    thread::sleep(interval + interval / 4); // its length is the subject: the first ping is due
    peer.receives(&vec![b'x'; filled])?;
    uses_little(exam, &watching, &peer, (1, ms(30)), causes::SPINS_IN_ROOM)?;
    peer.close();
    watching.comes_to_its_end()
}

/// No more than this CPU time may be used until this many pings have come.
fn uses_little(
    exam: &Exam,
    watching: &Watching,
    peer: &Peer,
    (pings, limit): (usize, Duration),
    if_more: &str,
) -> Verdict {
    let used = watching.uses_until(pings, peer)?;
    let until = match pings {
        1 => "a ping has come".to_owned(),
        pings => format!("{pings} pings have come"),
    };
    let expected = format!("{limit:?} of CPU time, at most, until {until}");
    let seen = format!("{} ms were used", used.as_millis());
    exam.must(used < limit, expected, seen).caused_by(if_more)
}

/// Four signals in each of two intervals. Those of one interval would together make a watch late,
/// or early, by more than a busy machine does.
fn continues_after_a_signal(exam: &Exam, watch: Watch) -> Verdict {
    let (interval, misses) = (ms(600), 1);
    let (peer, watching) = Watching::begin(exam, watch, interval, misses)?;
    let reference = exam.reference(interval * 2)?;
    let is_interrupted = || {
        for _ in 0..4 {
            watching.is_interrupted()?;
            thread::sleep(ms(110)); // its length is the subject: how much of the interval is over
        }
        Ok(())
    };
    is_interrupted()?;
    watching.pings(&peer)?;
    is_interrupted()?;
    watching.falls_silent(&peer, "when 1 ping is unanswered")?;
    let causes = (causes::A_SIGNAL_ENDS_IT, causes::A_SIGNAL_RESTARTS_IT);
    watching.is_in_time(reference, interval * 2, causes)
}

fn leaves_the_stream_open(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, ms(50), 2)?;
    watching.falls_silent(&peer, "when 2 pings are unanswered")?;
    watching.is_open_both_ways(&peer)?;

    let (peer, watching) = Watching::begin(exam, watch, AMPLE, 2)?;
    peer.half_close()?;
    watching.ends(Ended::Closed, "after end of file")?;
    watching.is_open_to(&peer)
}

/// Whatever the options were: those of a new connection, or others.
fn leaves_the_options(exam: &Exam, watch: Watch) -> Verdict {
    let left_no_option = |watching: &Watching, _| watching.left_no_option();
    on_every_path(exam, watch, Options::OfANewSocket, left_no_option)?;
    on_every_path(exam, watch, Options::OfItsCaller, left_no_option)
}

fn leaves_no_thread(exam: &Exam, watch: Watch) -> Verdict {
    on_every_path(exam, watch, Options::OfANewSocket, |watching, _| {
        watching.left_no_thread()
    })
}

fn leaves_no_descriptor(exam: &Exam, watch: Watch) -> Verdict {
    on_every_path(exam, watch, Options::OfANewSocket, |watching, closed| {
        watching.left_no_descriptor(closed)
    })
}

/// Which options a stream has at the call.
#[derive(Clone, Copy)]
enum Options {
    OfANewSocket,
    OfItsCaller,
}

/// What must be so when it has returned, whatever it returned. It is also told how many descriptors
/// the exam has closed meanwhile.
fn on_every_path(
    exam: &Exam,
    watch: Watch,
    options: Options,
    must: impl Fn(&Watching, usize) -> Verdict,
) -> Verdict {
    let begin = |misses| match options {
        Options::OfANewSocket => Watching::begin(exam, watch, ms(50), misses),
        Options::OfItsCaller => Watching::begin_with_options(exam, watch, ms(50), misses),
    };
    let (peer, watching) = begin(2)?;
    watching.falls_silent(&peer, "when 2 pings are unanswered")?;
    must(&watching, 0)?;

    let (peer, watching) = begin(1000)?;
    watching.is_pinging(&peer)?;
    peer.half_close()?;
    watching.ends(Ended::Closed, "after end of file")?;
    must(&watching, 0)?;

    let (peer, watching) = begin(1000)?;
    watching.is_pinging(&peer)?;
    peer.reset();
    watching.ends(Ended::Reset, "after the reset")?;
    must(&watching, 1)?;

    // What it returns here is checked elsewhere.
    if let Ok(watching) = unconnected(exam, watch)? {
        must(&watching, 0)?;
    }
    Ok(())
}

fn shown(bytes: &[u8]) -> String {
    match bytes {
        [] => "nothing was sent".to_owned(),
        bytes => quote(bytes),
    }
}
