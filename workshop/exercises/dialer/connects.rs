//! The checks that end with a connection: to which address, when, and with which options.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use socket_workshop::table::State;
use socket2::SockRef;

use super::{
    Dial, Dialing, address::Address, attempts, cause, dialing, dialing_at, hand_over, is_at_once,
    is_connected_to, no_connection, unless_busy,
};

use crate::checks::{
    rest::{Rested, rests},
    returned,
};
use crate::exam::{AMPLE, Because, CheckError, Exam, Timing, Took, Verdict, or_skip, problems};

/// The shortest head start of an address before the next is dialed.
const HEAD_START: Duration = Duration::from_millis(100);

/// How many addresses refuse: a pause of 10 ms after each takes as long as [`is_at_once`] allows.
const MANY: u8 = 100;

/// TCP has no broadcast: connect to this address fails with ENETUNREACH, and sends nothing.
pub(super) const UNREACHABLE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::BROADCAST), 80);

/// How many looks at the table are taken in a row, and the pause after each.
const LOOKS: u32 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

/// How often a check is made again on a machine that is too busy for it.
const TRIES: usize = 5;

/// A stream from an address that answers.
fn connection(exam: &Exam, dial: Dial, limit: Duration) -> Verdict<(Address, TcpStream)> {
    let server = Address::that_answers(exam)?;
    let stream = dialing(exam, dial, &[&server], limit)?
        .succeeds("when the address answers")
        .because(|case| cause::taken_for_failed(case, &server))?;
    is_connected_to(exam, &stream, &server)?;
    Ok((server, stream))
}

pub(super) fn returns_a_connection(exam: &Exam, dial: Dial) -> Verdict {
    let (_server, stream) = connection(exam, dial, AMPLE)?;
    returned::is_established(exam, &stream).caused_by(
        "Your code has shut down a half of the connection. Return it with both halves open.",
    )
}

pub(super) fn returns_a_blocking_stream(exam: &Exam, dial: Dial) -> Verdict {
    let (_server, stream) = connection(exam, dial, AMPLE)?;
    let flags = fcntl(&stream, FcntlArg::F_GETFL).map_err(io::Error::from);
    let flags = OFlag::from_bits_retain(or_skip("read a descriptor's flags", flags)?);
    exam.must(
        !flags.contains(OFlag::O_NONBLOCK),
        "a blocking stream",
        "O_NONBLOCK is set: a read from it would return WouldBlock",
    )
    .caused_by(
        "Your code made the socket non-blocking, so that connect returns immediately, and left it \
         so. Call `set_nonblocking(false)` before you return it.",
    )
}

pub(super) fn returns_a_stream_without_timeouts(exam: &Exam, dial: Dial) -> Verdict {
    let (_server, stream) = connection(exam, dial, AMPLE)?;
    let socket = SockRef::from(&stream);
    let read = or_skip("read SO_RCVTIMEO", stream.read_timeout())?;
    let write = or_skip("read SO_SNDTIMEO", stream.write_timeout())?;
    let user = or_skip("read TCP_USER_TIMEOUT", socket.tcp_user_timeout())?;
    exam.must(
        read.is_none() && write.is_none() && user.is_none_or(|user| user.is_zero()),
        "a stream with no timeout",
        format!("SO_RCVTIMEO is {read:?}, SO_SNDTIMEO {write:?}, TCP_USER_TIMEOUT {user:?}"),
    )
    .caused_by(
        "A timeout that your code set for dialing is still on the socket, and would end later \
         reads or writes of the caller. Set it back to `None`.",
    )?;
    let linger = or_skip("read SO_LINGER", socket.linger())?;
    exam.must(
        linger.is_none(),
        "a stream without SO_LINGER",
        format!("SO_LINGER is {linger:?}"),
    )
    .caused_by(
        "Your code set SO_LINGER, which changes how the caller's close ends the connection: with 0 \
         seconds it sends RST. An attempt in SYN_SENT ends with a plain close: leave the option \
         off.",
    )
}

pub(super) fn accepts_every_limit(exam: &Exam, dial: Dial) -> Verdict {
    let refuses = Address::that_refuses(exam)?;
    let server = Address::that_answers(exam)?;
    let stream = dialing(exam, dial, &[&refuses, &server], Duration::MAX)?
        .succeeds("with a limit of Duration::MAX")
        .because(|case| {
            case.panicked.then(|| {
                match problems()
                    .iter()
                    .any(|it| it.message.contains("to instant"))
                {
                    true => {
                        "`Instant::now() + limit` overflows and panics for a very long limit. \
                         Compute what remains as `limit.saturating_sub(started.elapsed())`, or use \
                         `checked_add`."
                    }
                    false => {
                        "Your code computes something from a limit that is very long, and the \
                         result does not fit, which panics. Compute what remains as \
                         `limit.saturating_sub(started.elapsed())`, and divide a `Duration` by a \
                         `u32`: `f64` rounds."
                    }
                }
                .to_owned()
            })
        })
        .because(|case| cause::not_reached(case, &server, "A very long limit is valid."))?;
    is_connected_to(exam, &stream, &server)?;
    for limit in CUT_TO_32_BITS {
        keeps_to_a_long_limit(exam, dial, limit)?;
    }
    Ok(())
}

/// Cut to 32 bits of microseconds, or of milliseconds, only [`CUT`] is left of them.
const CUT_TO_32_BITS: [Duration; 2] = [
    Duration::from_micros((1 << 32) + 50_000),
    Duration::from_millis((1 << 32) + 50),
];
const CUT: Duration = Duration::from_millis(50);

fn keeps_to_a_long_limit(exam: &Exam, dial: Dial, limit: Duration) -> Verdict {
    let silent = Address::that_is_silent(exam)?;
    let answer = dialing(exam, dial, &[&silent], limit)?;
    // Its length is the subject: where all of the limit is kept, nothing ends the wait.
    exam.comes_true(|| Ok(answer.has_ended() || answer.age() > 4 * CUT))?;
    answer
        .goes_on(&format!("the limit is {limit:?}"))
        .caused_by(
            "`dial` has not waited for its limit. Most likely the limit is cut: `as` keeps the \
             lower bits of a number. Compute with a `Duration`, not with a number of milliseconds \
             or microseconds.",
        )
}

pub(super) fn dials_the_next_after_a_refusal(exam: &Exam, dial: Dial) -> Verdict {
    let refuse = Address::many_that_refuse(exam, MANY)?;
    let server = Address::that_answers(exam)?;
    let addresses: Vec<&Address> = refuse.iter().chain([&server]).collect();
    let answer = dialing(exam, dial, &addresses, AMPLE)?;
    let rested = rests(exam, &answer)?;
    let stream = answer
        .succeeds("when all have refused but the last, which answers")
        .because(|case| cause::pauses(case, &server))
        .because(|case| {
            let why = "A refusal says nothing about the later addresses: dial them all.";
            cause::not_reached(case, &server, why)
        })?;
    is_connected_to(exam, &stream, &server)?;
    drop(stream);
    does_not_rest(exam, rested, answer.took())
}

/// It has dialed addresses that refuse, without a pause.
fn does_not_rest(exam: &Exam, rested: Rested, took: Took) -> Verdict {
    let expected =
        format!("each of {MANY} addresses that refuse to be followed by the next immediately");
    exam.must(
        !rested.slept,
        &*expected,
        "one of your threads was in a sleep",
    )
    .caused_by(cause::PAUSES)?;
    exam.must(
        is_at_once(rested.time, took)?,
        expected,
        format!(
            "all your threads were blocked, for {:.1?} in all",
            rested.time
        ),
    )
    .caused_by(cause::PAUSES)
}

/// The address is unreachable on this machine too.
pub(super) fn is_unreachable(exam: &Exam) -> Verdict {
    let is_unreachable = |error: &io::Error| error.kind() == ErrorKind::NetworkUnreachable;
    match exam.connects(UNREACHABLE)? {
        Some(Err(error)) if is_unreachable(&error) => exam.step(format!(
            "{UNREACHABLE} is unreachable: connect fails immediately"
        )),
        _ => {
            return Err(CheckError::skipped(format!(
                "{UNREACHABLE} is not unreachable here"
            )));
        }
    }
    Ok(())
}

pub(super) fn dials_the_next_after_an_unreachable_address(exam: &Exam, dial: Dial) -> Verdict {
    is_unreachable(exam)?;
    let server = Address::that_answers(exam)?;
    let stream = dialing_at(exam, dial, vec![UNREACHABLE, server.addr], AMPLE)?
        .succeeds("when the first address is unreachable and the second answers")
        .because(|case| {
            let why = "Your code dials the next address only after certain errors. An unreachable \
                       network, or a missing address family, says nothing about the later \
                       addresses: dial them all.";
            cause::not_reached(case, &server, why)
        })?;
    is_connected_to(exam, &stream, &server)
}

pub(super) fn does_not_dial_a_refused_address_again(exam: &Exam, dial: Dial) -> Verdict {
    for _ in 0..TRIES {
        if does_not_come_back(exam, dial)? {
            return Ok(());
        }
    }
    Err(CheckError::skipped(
        "the machine is too busy: each dial was over before the exam could look",
    ))
}

/// The address that has refused listens while the next is waited for: it must not be dialed again.
/// False if the exam came too late.
fn does_not_come_back(exam: &Exam, dial: Dial) -> Verdict<bool> {
    let refuses = Address::that_refuses(exam)?;
    let silent = Address::that_is_silent(exam)?;
    let limit = Duration::from_millis(600);
    let answer = dialing(exam, dial, &[&refuses, &silent], limit)?;
    let dialed = syn_sent(exam, &answer, &silent)?;
    // Each thread has had its turn: if there is one for each address, then the first has been
    // refused.
    exam.comes_to_rest()?;
    let in_time = !answer.has_ended();
    if in_time {
        refuses.listens_from_now(exam)?;
    }
    let returned = answer.returns("when one address has refused and the other is silent")?;
    let connections = refuses.connections(exam)?;
    exam.must(
        connections == 0,
        format!("{} not to be dialed again", refuses.addr),
        format!("{} is in its accept queue", count(connections)),
    )
    .caused_by(
        "The address had refused when your code dialed the next one, and your code dialed it again \
         later. A refusal is an answer (RST): let the caller decide whether to try again.",
    )?;
    no_connection(exam, returned, "when no address answers")?;
    // Where it had no CPU, there was no time to come back.
    let had_its_time = answer.took().delay < limit / 8;
    Ok(dialed && in_time && had_its_time)
}

/// `localhost` is `::1` and 127.0.0.1, and many servers listen on one of them only.
pub(super) fn dials_both_families(exam: &Exam, dial: Dial) -> Verdict {
    let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    for (first, second) in [(v6, v4), (v4, v6)] {
        let refuses = Address::that_refuses_at(exam, first)?;
        let server = Address::that_answers_at(exam, second)?;
        let stream = dialing(exam, dial, &[&refuses, &server], AMPLE)?
            .succeeds("when the second address answers")
            .because(|case| {
                let why = "A name may have addresses of both families, and its server may listen \
                     on only one of them: dial them all. A socket is made for one family: make it \
                     for the address, with `Domain::for_address`.";
                cause::not_reached(case, &server, why)
            })?;
        is_connected_to(exam, &stream, &server)?;
    }
    Ok(())
}

/// The order of the families is the caller's, too: the resolver has sorted the addresses (RFC
/// 6724).
pub(super) fn keeps_the_order_of_the_families(exam: &Exam, dial: Dial) -> Verdict {
    let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    for (first, second) in [(v6, v4), (v4, v6)] {
        let refuses = Address::that_refuses_at(exam, first)?;
        let servers = [
            Address::that_answers_at(exam, first)?,
            Address::that_answers_at(exam, second)?,
        ];
        let answer = dialing(exam, dial, &[&refuses, &servers[0], &servers[1]], AMPLE)?;
        let stream = answer.succeeds("when the second address and the third answer")?;
        is_connected_to(exam, &stream, &servers[0]).because(|case| {
            case.is_in(State::Established).then(|| {
                "The second address answers, but your code connected to the third, which is of the \
                 other family. Dial the addresses in the given order. Do not put one family first, \
                 and do not alternate."
                    .to_owned()
            })
        })?;
    }
    Ok(())
}

pub(super) fn connects_to_the_first_that_answers(exam: &Exam, dial: Dial) -> Verdict {
    let servers = [Address::that_answers(exam)?, Address::that_answers(exam)?];
    // Once in either order, for one of them may be an order of the answer's own.
    for [first, second] in [[0, 1], [1, 0]] {
        let (first, second) = (&servers[first], &servers[second]);
        let answer = dialing(exam, dial, &[first, second], AMPLE)?;
        let stream = answer.succeeds("when both addresses answer")?;
        is_connected_to(exam, &stream, first).because(|case| {
            case.is_in(State::Established).then(|| {
                "Your code connected to a later address, although the first answers. The addresses \
                 are in order of preference: dial them in the given order."
                    .to_owned()
            })
        })?;
    }
    Ok(())
}

pub(super) fn dials_nothing_more(exam: &Exam, dial: Dial) -> Verdict {
    let servers = [Address::that_answers(exam)?, Address::that_answers(exam)?];
    let in_time = |_| stops_at_the_first(exam, dial, &servers[0], &servers[1]);
    let mut tries = (0..TRIES).map(in_time);
    if !tries.try_fold(false, |seen, now| Ok(seen || now?))? {
        return Err(CheckError::skipped(format!(
            "the machine is too busy: a connection took longer than {HEAD_START:?}"
        )));
    }
    Ok(())
}

/// False if the dial took so long that the second address could be dialed rightly.
fn stops_at_the_first(exam: &Exam, dial: Dial, first: &Address, second: &Address) -> Verdict<bool> {
    let (once, before) = (first.connections(exam)?, second.connections(exam)?);
    let answer = dialing(exam, dial, &[first, second], AMPLE)?;
    let stream = answer.succeeds("when both addresses answer")?;
    let took = answer.took();
    is_connected_to(exam, &stream, first)?;
    if took.time >= HEAD_START {
        // Its own doing, or that of a machine with other work?
        let is_busy = took.delay > HEAD_START / 8 || hand_over(2)? > HEAD_START / 8;
        return Ok(!is_busy);
    }
    let own = first.connections(exam)?.saturating_sub(once);
    exam.must(
        own <= 1,
        format!("one connection to {}", first.addr),
        format!("{} are in its accept queue", count(own)),
    )
    .caused_by(
        "Your code dialed the address again after it had answered: its server gets a connection \
         that will not be used. Return the stream of the first attempt.",
    )?;
    let at_once = second.connections(exam)?.saturating_sub(before);
    exam.must(
        at_once == 0,
        format!("no other address to be dialed: {} has answered", first.addr),
        format!(
            "{} is in another accept queue, that of {}",
            count(at_once),
            second.addr
        ),
    )
    .caused_by(
        "The first address answered immediately, and your code dialed the second too: its server \
         gets a connection that will not be used. Stop at the first that answers. If you dial \
         ahead, give the first a head start of 100 ms.",
    )?;
    exam.has_no_thread_left()?; // until then one may dial yet
    let later = second.connections(exam)?.saturating_sub(before);
    exam.must(
        later == 0,
        format!(
            "no address to be dialed after `dial` has returned with {}",
            first.addr
        ),
        format!("then {} has come to {}", count(later), second.addr),
    )
    .caused_by(
        "A thread that `dial` had started dialed the second address after `dial` had returned. \
         Stop and join your threads before you return.",
    )?;
    Ok(true)
}

fn count(connections: u32) -> String {
    match connections {
        1 => "a connection".to_owned(),
        n => format!("{n} connections"),
    }
}

/// Two silent addresses before one that answers: how long it took until that one was connected to.
fn after_silent_ones(exam: &Exam, dial: Dial, limit: Duration) -> Verdict<Took> {
    let silent = [
        Address::that_is_silent(exam)?,
        Address::that_is_silent(exam)?,
    ];
    let server = Address::that_answers(exam)?;
    let beside = exam.reference(limit)?;
    let answer = dialing(exam, dial, &[&silent[0], &silent[1], &server], limit)?;
    let connected = answer
        .succeeds("with a connection to the third address")
        .because(|case| cause::starved(case, answer.took().time, limit, &server));
    let took = answer.took();
    let stream = unless_busy(connected, beside, took, limit)?;
    is_connected_to(exam, &stream, &server)?;
    Ok(took)
}

pub(super) fn leaves_time_after_a_silent_address(exam: &Exam, dial: Dial) -> Verdict {
    let limit = Duration::from_millis(900);
    let reference = exam.reference(limit)?;
    let took = after_silent_ones(exam, dial, limit)?;
    exam.must(
        reference.judges(took, limit / 2)? != Timing::Late, // before the limit is in time
        format!("a connection before the limit of {limit:?} is over"),
        format!("it took {:.1?}", took.time),
    )
    .caused_by(
        "Your code gave the two silent addresses more than the whole limit, before it \
                dialed the third.",
    )?;
    leaves_time_after_many(exam, dial)
}

/// Ten are silent: 100 ms for each is more than the limit. An equal share is soon used up by
/// threads that are woken late, so this counts only on a machine that is not busy.
fn leaves_time_after_many(exam: &Exam, dial: Dial) -> Verdict {
    let limit = Duration::from_millis(900);
    let mut outcome = Ok(());
    for _ in 0..TRIES {
        let silent = Address::many_that_are_silent(exam, 10)?;
        let server = Address::that_answers(exam)?;
        let addresses: Vec<&Address> = silent.iter().chain([&server]).collect();
        let reference = exam.reference(limit)?;
        let answer = dialing(exam, dial, &addresses, limit)?;
        let connected = answer
            .succeeds("with a connection to the last address")
            .because(|case| cause::starved(case, answer.took().time, limit, &server));
        outcome = match unless_busy(connected, reference, answer.took(), limit / 4) {
            Ok(stream) => return is_connected_to(exam, &stream, &server),
            Err(error) => Err(error),
        };
        if matches!(outcome, Err(CheckError::Failed(_))) {
            break;
        }
    }
    outcome
}

/// Five addresses, of which the last answers. First the limit has room for more than 100 ms each,
/// then for less. A busy machine takes time from the later shares, so less than an equal share is
/// asked for there.
pub(super) fn waits_100_ms_for_a_silent_address(exam: &Exam, dial: Dial) -> Verdict {
    waits_for_each(exam, dial, Duration::from_secs(1), HEAD_START)?;
    waits_for_each(exam, dial, 3 * HEAD_START, HEAD_START * 3 / 10)
}

/// Each of the silent addresses must be waited for at least this long before the next is dialed.
fn waits_for_each(exam: &Exam, dial: Dial, limit: Duration, least: Duration) -> Verdict {
    for _ in 0..TRIES {
        if has_waited_for_each(exam, dial, limit, least)? {
            return Ok(());
        }
    }
    Err(CheckError::skipped(
        "the machine is too busy: the exam looked too rarely to see when an address was dialed",
    ))
}

/// False if the exam cannot say.
fn has_waited_for_each(exam: &Exam, dial: Dial, limit: Duration, least: Duration) -> Verdict<bool> {
    let silent = Address::many_that_are_silent(exam, 4)?;
    let server = Address::that_answers(exam)?;
    let addresses: Vec<&Address> = silent.iter().chain([&server]).collect();
    let share = limit / 5;
    let reference = exam.reference(limit)?;
    let began = Instant::now();
    let answer = dialing(exam, dial, &addresses, limit)?;
    let dialed = when_dialed(exam, &answer, &addresses, began)?;
    let waited = dialed
        .iter()
        .zip(dialed.iter().skip(1))
        .map(|(this, next)| Waited {
            addr: this.addr,
            at_least: next.after.saturating_duration_since(this.before),
            at_most: next.before.saturating_duration_since(this.after),
        });
    let waited: Vec<Waited> = waited.collect();
    if let Some(short) = waited.iter().find(|waited| waited.at_most < least) {
        let too_short = exam
            .fail(
                format!(
                    "{} to be waited for, {:?}, before the next is dialed",
                    short.addr,
                    share.min(HEAD_START)
                ),
                format!("the next was dialed {:.1?} later, or sooner", short.at_most),
            )
            .caused_by(format!(
                "Across an ocean the answer to a SYN takes 100 ms. Your code gives an address \
                 less, and so treats one that would have answered as silent. Give each 100 ms at \
                 least, or its equal share of the limit if that is shorter: here {share:?}."
            ));
        return unless_busy(too_short, reference, answer.took(), limit);
    }
    let is_known = |waited: &Waited| {
        waited.at_least >= least || waited.at_most - waited.at_least < HEAD_START / 4
    };
    Ok(waited.iter().all(is_known))
}

/// For how long an address was waited for, as far as looks at the table show it.
struct Waited {
    addr: SocketAddr,
    at_least: Duration,
    at_most: Duration,
}

/// When an address was dialed, as far as looks at the table show it.
struct Dialed {
    addr: SocketAddr,
    /// A look without it began then.
    after: Instant,
    /// A look with it, or with a later one, was over then.
    before: Instant,
}

/// Looks again and again until the dial is over. It `began` at this moment, or later.
fn when_dialed(
    exam: &Exam,
    answer: &Dialing<'_>,
    addresses: &[&Address],
    began: Instant,
) -> Verdict<Vec<Dialed>> {
    let mut dialed: Vec<Dialed> = Vec::new();
    let mut after = began;
    exam.comes_true(|| {
        for _ in 0..LOOKS {
            let (looked, has_ended) = (Instant::now(), answer.has_ended());
            let table = exam.table()?;
            let is_dialed = |address: &&Address| {
                let mut rows = table.rows.iter();
                rows.any(|row| row.peer == address.addr)
            };
            let count = addresses.iter().rposition(is_dialed).map_or(0, |at| at + 1);
            let before = Instant::now();
            let new = addresses.iter().take(count).skip(dialed.len());
            let new = new.map(|address| Dialed {
                addr: address.addr,
                after,
                before,
            });
            dialed.extend(new.collect::<Vec<_>>());
            after = looked;
            if has_ended {
                return Ok(true);
            }
            thread::sleep(BETWEEN_LOOKS); // there is no event to wait for instead
        }
        Ok(false)
    })?;
    Ok(dialed)
}

pub(super) fn waits_for_an_address_that_answers_late(exam: &Exam, dial: Dial) -> Verdict {
    let server = Address::that_is_silent(exam)?;
    let answer = dialing(exam, dial, &[&server], AMPLE)?;
    let is_sent_again = exam.table_shows(|table| {
        let mut sent = attempts(table).filter(|row| row.peer == server.addr);
        let again = sent.any(|row| row.timer.is_some_and(|timer| timer.attempts > 0));
        (again || answer.has_ended()).then_some(again)
    })?;
    if is_sent_again == Some(true) {
        exam.step("the SYN was sent again, after a second, and was not answered");
    }
    server.answers_from_now(exam)?;
    let stream = answer
        .succeeds("when the SYN is sent once more")
        .because(|case| cause::too_impatient(case, answer.took().time))?;
    is_connected_to(exam, &stream, &server)
}

/// Waits for the SYN. False if the answer had ended before the exam could look, or never dials.
fn syn_sent(exam: &Exam, answer: &Dialing<'_>, address: &Address) -> Verdict<bool> {
    let sent = exam.table_shows(|table| {
        let sent = attempts(table).any(|row| row.peer == address.addr);
        (sent || answer.has_ended()).then_some(sent)
    })?;
    Ok(sent == Some(true))
}
