//! Checks of exercise 2: a connection to the first of several addresses that answers, within one
//! limit.
//!
//! The answer decides how to share the limit, and attempts may overlap: the checks look at what it
//! returned, when, and what is left.

pub(super) mod address;
mod cause;
mod connects;
mod fails;
mod refusals;
mod remains;

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use socket_workshop::table::{Row, State, Table};

use self::address::Address;
use super::Exercise;

use crate::exam::{
    AMPLE, Because, CheckError, Exam, Reference, Rule, Running, Suite, Took, Verdict, check,
    or_skip,
};

/// Exercise 2.
pub const EXERCISE: Exercise = Exercise {
    number: 2,
    name: "dialer",
    task: "connect to the first of several addresses that answers, within one limit",
    hints: [
        "`connect_timeout` takes one address and one duration. How long may each address take, so \
         that there is time for the later ones, and all of them together keep to the limit? And if \
         nothing remains: what does `connect_timeout` return for zero?",
        "Before each attempt compute what remains of the limit, and give the address an equal \
         share of it: what remains, divided by the number of addresses that have not been dialed. \
         If the share is zero, it has timed out. Keep the error of each address for the text.",
        "for (i, addr) in addrs.iter().enumerate() { let remaining = \
         limit.saturating_sub(started.elapsed()); match connect(addr, remaining / (addrs.len() - \
         i) as u32) { Ok(stream) => return Ok(stream), Err(error) => { kind = error.kind(); \
         outcomes.push(format!(\"{addr}: {error}\")) } } }",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 2 is held to.
pub const SUITE: Suite<Dial> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "Dial the addresses in the given order, whatever their families. Return a connection \
             to the first that answers.",
            &[
                check("returns a connection", connects::returns_a_connection),
                check(
                    "connects to the first address that answers",
                    connects::connects_to_the_first_that_answers,
                ),
                check("dials both families", connects::dials_both_families),
                check(
                    "keeps the given order of the families",
                    connects::keeps_the_order_of_the_families,
                ),
            ],
        ),
        Rule::core(
            "When an address refuses or is unreachable, dial the next immediately. Do not dial it \
             again.",
            &[
                check(
                    "dials the next address immediately after a refusal",
                    connects::dials_the_next_after_a_refusal,
                ),
                check(
                    "dials the next address after a refusal while another is silent",
                    refusals::dials_the_next_while_another_is_silent,
                ),
                check(
                    "dials the next address after an unreachable one",
                    connects::dials_the_next_after_an_unreachable_address,
                ),
                check(
                    "dials a refused address once",
                    refusals::dials_a_refused_address_once,
                ),
                check(
                    "does not dial a refused address again",
                    connects::does_not_dial_a_refused_address_again,
                ),
            ],
        ),
        Rule::core(
            "`limit` is for all addresses together: leave time for the addresses after a silent \
             one.",
            &[check(
                "leaves time for the addresses after a silent one",
                connects::leaves_time_after_a_silent_address,
            )],
        ),
        Rule::core(
            "Return when the limit is over, however many addresses are silent.",
            &[check(
                "returns when the limit is over",
                fails::returns_when_the_limit_is_over,
            )],
        ),
        Rule::core(
            "If no address answers, return the kind of the last address's error: ConnectionRefused \
             if it refused, TimedOut if it was silent.",
            &[
                check(
                    "returns ConnectionRefused if the last address refused",
                    fails::returns_refused,
                ),
                check(
                    "returns TimedOut if the last address was silent",
                    fails::returns_timed_out,
                ),
                check(
                    "returns the kind of a last address that is unreachable",
                    fails::returns_unreachable,
                ),
            ],
        ),
        Rule::core(
            "Name each address in the error's text, as `{}` prints it, and say whether it refused \
             or was silent.",
            &[
                check("names each address", fails::names_each_address),
                check(
                    "says what each address did",
                    fails::says_what_each_address_did,
                ),
            ],
        ),
        Rule::hardened(
            "Wait at least 100 ms for a silent address before you dial the next. If its equal \
             share of the limit is shorter, that share is enough.",
            &[check(
                "waits 100 ms for a silent address",
                connects::waits_100_ms_for_a_silent_address,
            )],
        ),
        Rule::hardened(
            "If there is only one address, wait for it until the limit is over.",
            &[
                check(
                    "waits for a single address until the limit is over",
                    fails::waits_for_a_single_address,
                ),
                check(
                    "waits for an address that answers late",
                    connects::waits_for_an_address_that_answers_late,
                ),
            ],
        ),
        Rule::hardened(
            "Once an address has answered, dial nothing more.",
            &[check(
                "dials nothing more once an address has answered",
                connects::dials_nothing_more,
            )],
        ),
        Rule::hardened(
            "If the limit is zero, or too short for an answer, return TimedOut immediately.",
            &[check(
                "times out immediately when the limit is zero",
                fails::times_out_immediately,
            )],
        ),
        Rule::hardened(
            "Accept every limit up to Duration::MAX.",
            &[check("accepts every limit", connects::accepts_every_limit)],
        ),
        Rule::hardened(
            "If the list is empty, return InvalidInput.",
            &[check(
                "returns InvalidInput for an empty list",
                fails::rejects_an_empty_list,
            )],
        ),
        Rule::hardened(
            "Return a blocking stream: no O_NONBLOCK, no timeout, no SO_LINGER.",
            &[
                check(
                    "returns a blocking stream",
                    connects::returns_a_blocking_stream,
                ),
                check(
                    "returns a stream without timeouts and SO_LINGER",
                    connects::returns_a_stream_without_timeouts,
                ),
            ],
        ),
        Rule::hardened(
            "Leave nothing else, also after an error: no descriptor, no thread, no attempt under \
             way.",
            &[
                check(
                    "leaves nothing but the stream",
                    remains::leaves_nothing_beside_the_stream,
                ),
                check(
                    "leaves nothing after an error",
                    remains::leaves_nothing_after_an_error,
                ),
            ],
        ),
    ],
    cause: cause::diagnose,
};

/// The student's function.
pub type Dial = fn(&[SocketAddr], Duration) -> io::Result<TcpStream>;

type Dialing<'e> = Running<'e, io::Result<TcpStream>>;

fn dialing<'e>(
    exam: &'e Exam,
    dial: Dial,
    addresses: &[&Address],
    limit: Duration,
) -> Verdict<Dialing<'e>> {
    let addrs = addresses.iter().map(|address| address.addr).collect();
    dialing_at(exam, dial, addrs, limit)
}

fn dialing_at(
    exam: &Exam,
    dial: Dial,
    addrs: Vec<SocketAddr>,
    limit: Duration,
) -> Verdict<Dialing<'_>> {
    let listed = match &addrs[..] {
        [first, .., last] if addrs.len() > 5 => {
            format!("{} addresses, {first} to {last},", addrs.len())
        }
        few => format!("{few:?}"),
    };
    let limit_in_words = match limit {
        AMPLE => "an hour".to_owned(),
        Duration::MAX => "Duration::MAX".to_owned(),
        limit => format!("{limit:?}"),
    };
    exam.step(format!(
        "called `dial` with {listed} and a limit of {limit_in_words}"
    ));
    exam.start("dial", move || dial(&addrs, limit))
}

fn is_connected_to(exam: &Exam, stream: &TcpStream, address: &Address) -> Verdict {
    let seen = match stream.peer_addr() {
        Ok(peer) if peer == address.addr => return Ok(()),
        Ok(peer) => format!("it is connected to {peer}"),
        Err(error) => format!("it has no peer: {error}"),
    };
    exam.fail(
        format!("the stream to be connected to {}", address.addr),
        seen,
    )
    .because(cause::no_connection)
}

fn is_of_kind(exam: &Exam, error: &io::Error, kind: ErrorKind, why: &str) -> Verdict {
    exam.must(
        error.kind() == kind,
        format!("an error of kind {kind:?}: {why}"),
        format!("{:?}: {error}", error.kind()),
    )
    .because(|_| cause::another_kind(error.kind(), kind))
}

/// The error that came back, instead of a connection.
fn no_connection(exam: &Exam, returned: io::Result<TcpStream>, when: &str) -> Verdict<io::Error> {
    match returned {
        Err(error) => Ok(error),
        Ok(_stream) => exam
            .fail(
                format!("`dial` to return an error {when}"),
                "it has returned Ok",
            )
            .because(cause::no_connection),
    }
}

/// How long a call may rest that has nothing to wait for, all its pauses together.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Whether a call that had nothing to wait for was blocked for less than it may.
fn is_at_once(rested: Duration, took: Took) -> Verdict<bool> {
    if rested < AT_ONCE && took.time.saturating_sub(took.delay) >= AT_ONCE {
        return Err(CheckError::skipped(format!(
            "the machine is too busy: of {:.1?} the exam saw your threads at rest for {rested:.1?}",
            took.time
        )));
    }
    Ok(rested < AT_ONCE)
}

/// How long the exam takes to start and join this many threads, one after the other.
fn hand_over(threads: u8) -> Verdict<Duration> {
    let begun = Instant::now();
    for _ in 0..threads {
        let thread = thread::Builder::new().name("exam".to_owned());
        let _ = or_skip("start a thread", thread.spawn(|| {}))?.join();
    }
    Ok(begun.elapsed())
}

/// The call took as long as it must, but on a machine that is busy the time may have gone by while
/// it waited for a CPU. That says nothing about how long it would have waited otherwise.
fn has_waited(took: Took, limit: Duration) -> Verdict {
    let waited = took.time.saturating_sub(took.delay);
    if waited < limit * 3 / 4 {
        return Err(CheckError::skipped(format!(
            "the machine is too busy: of {:.0?} your thread waited {:.0?} for a CPU",
            took.time, took.delay
        )));
    }
    Ok(())
}

/// A machine that is busy may use up a limit before the answer can dial all of its addresses. That
/// says nothing of the answer, so a failure counts only where the exam's own wait was in time.
fn unless_busy<T>(
    verdict: Verdict<T>,
    reference: Reference<'_>,
    took: Took,
    limit: Duration,
) -> Verdict<T> {
    if let Err(CheckError::Failed(_)) = verdict {
        if took.delay > limit / 8 {
            return Err(CheckError::skipped(format!(
                "the machine is too busy: your thread waited {:.0?} for a CPU",
                took.delay
            )));
        }
        let over = Took {
            time: Duration::MAX,
            delay: Duration::ZERO,
        };
        reference.judges(over, limit / 4)?;
    }
    verdict
}

/// The attempts that are under way.
fn attempts(table: &Table) -> impl Iterator<Item = &Row> {
    table.rows.iter().filter(|row| row.state == State::SynSent)
}
