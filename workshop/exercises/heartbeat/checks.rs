//! Checks of exercise 5: a watch that asks a quiet peer, and tells how its connection has ended.
//!
//! `watching` is the answer at work on a connection, `causes` are what can have gone wrong.

mod causes;
mod watching;

use std::{
    io,
    net::TcpStream,
    time::{Duration, Instant},
};

use self::watching::Watching;
use super::{Exercise, delay, full::fill};
use crate::exam::{AMPLE, Because, Exam, Rule, Suite, Unmet, Verdict, check, quote};

/// Exercise 5.
pub const EXERCISE: Exercise = Exercise {
    number: 5,
    name: "heartbeat",
    task: "ping a quiet peer, and tell whether it has closed, reset, or fallen silent",
    hints: [
        "In an interval either bytes come, or the connection ends, or neither. Wait for the first two, \
         but no longer than the interval, and count the pings since the last byte.",
        "`poll`, or a read with a timeout, waits for bytes, end of file and reset alike. A read that \
         times out is WouldBlock on Unix: the interval is over, which is no error. The ping must not \
         wait: send it with MSG_DONTWAIT, or make the socket non-blocking for that one write.",
        "loop { if readable within the interval { match stream.read(&mut buf)? { 0 => return \
         Ok(Closed), _ => unanswered = 0 } } else if unanswered == misses { return Ok(Silent) } else { \
         ping without waiting; unanswered += 1 } }, and around it: an error that is a reset is \
         Ok(Reset).",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 5 is held to.
pub const SUITE: Suite<Watch> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "pings after an interval of silence",
                pings_after_an_interval,
            ),
            check("sends no ping while the peer talks", no_ping_while_it_talks),
            check("takes any byte for an answer", takes_any_byte),
            check("gives up a peer that answers no ping", gives_up),
            check("counts anew after an answer", counts_anew),
            check("tells end of file at once", tells_end_of_file),
            check("tells a reset at once", tells_a_reset),
            check(
                "tells a peer that closed with a ping unread",
                tells_a_ping_unread,
            ),
            check("reads all that has come", reads_all_that_has_come),
            check(
                "does not wait for a full window",
                does_not_wait_for_a_full_window,
            ),
            check("does not spin while it waits", does_not_spin),
            check("leaves the stream as it was", leaves_the_stream_as_it_was),
        ],
    )],
    cause: causes::likely,
};

/// The student's function.
pub type Watch = fn(&TcpStream, Duration, u32) -> io::Result<Ended>;

/// How a watched connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The peer has closed: end of file.
    Closed,
    /// The peer has answered none of the last pings.
    Silent,
    /// The peer has reset the connection.
    Reset,
}

const PING: &[u8] = b"ping\n";

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn pings_after_an_interval(exam: &Exam, watch: Watch) -> Verdict {
    sends_no_ping_before(exam, watch)?;
    let interval = ms(300);
    let (peer, watching) = Watching::begin(exam, watch, interval, 3)?;
    watching.pings(&peer)?;
    let due = watching.called() + interval;
    watching
        .not_before(due, Instant::now(), "the first ping")
        .caused_by(causes::TOO_EARLY)?;
    watching.goes_on("1 of 3 pings is unanswered")
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

fn no_ping_while_it_talks(exam: &Exam, watch: Watch) -> Verdict {
    let interval = ms(500);
    let talk = || {
        let (peer, watching) = Watching::begin(exam, watch, interval, 3)?;
        let (last, excused) = watching.hears_a_byte_every(ms(50), &peer)?;
        let came = watching.arrived(&peer)?;
        Ok((peer, watching, last, excused, came))
    };
    let is_excused = |came: &[u8], excused| !came.is_empty() && came.len() <= excused * PING.len();
    let (mut peer, mut watching, mut last, mut excused, mut came) = talk()?;
    for _ in 0..2 {
        if is_excused(&came, excused) {
            exam.step("a ping came, but the machine was busy: once more");
            (peer, watching, last, excused, came) = talk()?;
        }
    }
    if is_excused(&came, excused) {
        let busy = "the machine is too busy for a peer that talks without a pause";
        return Err(Unmet::not_here(busy));
    }
    let expected = "no ping, for there was no silence";
    exam.must(came.is_empty(), expected, shown(&came))
        .because(causes::unasked)?;
    watching.pings(&peer)?;
    watching
        .not_before(last + interval, Instant::now(), "a ping")
        .caused_by(causes::TOO_EARLY)
}

fn takes_any_byte(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, ms(300), 2)?;
    // What might not be taken for an answer comes twice: one ping may go unanswered.
    let answers: [&[u8]; 5] = [b"pong\n", b"?", b"?", b"\xff", b"\xff"];
    for answer in answers {
        watching.pings(&peer)?;
        watching.answers(&peer, answer)?;
    }
    watching.pings(&peer)?;
    watching.goes_on("all pings but the last were answered")
}

fn gives_up(exam: &Exam, watch: Watch) -> Verdict {
    let (interval, misses) = (ms(300), 2);
    let (peer, watching) = Watching::begin(exam, watch, interval, misses)?;
    let reference = exam.reference(interval * (misses + 1))?;
    watching.falls_silent(&peer, "when 2 pings are unanswered")?;
    let sent = watching.arrived(&peer)?;
    let expected = "exactly 2 pings to have been sent";
    exam.must(sent == PING.repeat(2), expected, shown(&sent))
        .because(|case| causes::pinged(case, &sent, misses))?;
    watching.is_in_time(reference, interval * (misses + 1))
}

fn counts_anew(exam: &Exam, watch: Watch) -> Verdict {
    let (interval, misses) = (ms(250), 3);
    let (peer, watching) = Watching::begin(exam, watch, interval, misses)?;
    watching.pings(&peer)?;
    watching.pings(&peer)?;
    let (answered, delay) = (Instant::now(), delay::of_others());
    watching.answers(&peer, b"yes")?;
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
        .caused_by(causes::NO_TIME_TO_ANSWER)
}

fn tells_end_of_file(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, AMPLE, 3)?;
    peer.send(b"hello")?;
    peer.half_close()?;
    watching.ends(Ended::Closed, "after the end of file")?;
    Ok(())
}

fn tells_a_reset(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, AMPLE, 3)?;
    peer.reset();
    watching.ends(Ended::Reset, "after the reset")?;
    Ok(())
}

/// A socket that is closed while bytes lie unread in its Recv-Q sends RST, not FIN (RFC 2525, 2.17).
fn tells_a_ping_unread(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, ms(100), 20)?;
    watching.is_pinging(&peer)?;
    peer.close();
    watching.ends(Ended::Reset, "after the close, which sends RST")?;
    Ok(())
}

fn reads_all_that_has_come(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, AMPLE, 3)?;
    peer.send(&[b'x'; 20_000])?;
    peer.half_close()?;
    watching.ends(Ended::Closed, "after the last byte and the end of file")?;
    Ok(())
}

fn does_not_wait_for_a_full_window(exam: &Exam, watch: Watch) -> Verdict {
    let (_peer, theirs) = exam.connection()?;
    fill(exam, &theirs)?;
    let (interval, misses) = (ms(100), 3);
    let watching = Watching::on(theirs, exam, watch, interval, misses)?;
    let ended = watching.ends(Ended::Silent, "when no room has come for 3 pings")?;
    let due = watching.called() + interval * 4;
    watching
        .not_before(due, ended, "Silent, after 4 intervals")
        .caused_by(causes::FULL_IS_NO_ANSWER)
}

/// On a busy machine a thread that never waits gets little CPU time too, but far more than one that waits.
fn does_not_spin(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, AMPLE, 3)?;
    watching.rests()?;
    peer.half_close()?;
    watching.ends(Ended::Closed, "after the end of file")?;
    let (peer, watching) = Watching::begin(exam, watch, ms(400), 10)?;
    let (pings, limit) = (2, ms(30));
    let used = watching.uses_until(pings, &peer)?;
    let expected = format!("{limit:?} of CPU time, at most, until 2 pings have come");
    let seen = format!("{} ms were used", used.as_millis());
    exam.must(used < limit, expected, seen)
        .caused_by(causes::SPINS)?;
    watching.goes_on("no more than 3 of 10 pings are due")
}

fn leaves_the_stream_as_it_was(exam: &Exam, watch: Watch) -> Verdict {
    let (peer, watching) = Watching::begin(exam, watch, ms(50), 2)?;
    watching.falls_silent(&peer, "when 2 pings are unanswered")?;
    watching.left_no_thread(&peer)?;
    watching.left_no_option()?;
    watching.is_open_both_ways(&peer)
}

fn shown(bytes: &[u8]) -> String {
    match bytes {
        [] => "nothing was sent".to_owned(),
        bytes => quote(bytes),
    }
}
