//! Checks of exercise 2: the first of several addresses that answers, by one limit.
//!
//! How the limit is shared out is the answer's own affair, and attempts may overlap: the checks look
//! at what came back, when, and what is left.

pub(super) mod address;
mod connects;
mod fails;
mod likely;
mod remains;

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use socket_workshop::{
    table::{Row, State, Table},
    threads::{Thread, others},
};

use self::address::Address;
use super::Exercise;

use crate::exam::{
    AMPLE, Answer, Because, Exam, Reference, Rule, Suite, Took, Unmet, Verdict, check, here,
};

/// Exercise 2.
pub const EXERCISE: Exercise = Exercise {
    number: 2,
    name: "dialer",
    task: "connect to the first of several addresses that answers, by one limit",
    hints: [
        "`connect_timeout` takes one address and one duration. How long may each address take, so that \
         there is time for those behind it, and all of them together keep to the limit? And what if \
         nothing remains: what does `connect_timeout` make of zero?",
        "Before each attempt compute what remains of the limit, and give the address an equal share of \
         it: what remains, divided by the number of addresses that have not been dialed. If the share \
         is zero, it has timed out. Keep what each address did for the error.",
        "for (i, addr) in addrs.iter().enumerate() { let remaining = \
         limit.saturating_sub(started.elapsed()); match connect(addr, remaining / (addrs.len() - i) as \
         u32) { Ok(stream) => return Ok(stream), Err(error) => { kind = error.kind(); \
         outcomes.push(format!(\"{addr}: {error}\")) } } }",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 2 is held to.
pub const SUITE: Suite<Dial> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "gives back a connected, blocking stream",
                connects::gives_back_a_connected_blocking_stream,
            ),
            check("goes on after a refusal", connects::goes_on_after_a_refusal),
            check("dials both families", connects::dials_both_families),
            check(
                "dials nobody behind the first that answers",
                connects::dials_nobody_behind_the_first_that_answers,
            ),
            check(
                "leaves time for those behind a silent address",
                connects::leaves_time_for_those_behind_a_silent_address,
            ),
            check(
                "waits for an address that answers late",
                connects::waits_for_an_address_that_answers_late,
            ),
            check(
                "gives up when the limit is over",
                fails::gives_up_when_the_limit_is_over,
            ),
            check(
                "fails at once when all refuse",
                fails::fails_at_once_when_all_refuse,
            ),
            check(
                "tells what each address did",
                fails::tells_what_each_address_did,
            ),
            check(
                "takes a limit of zero for a time-out",
                fails::takes_a_limit_of_zero_for_a_time_out,
            ),
            check(
                "takes no address for invalid input",
                fails::takes_no_address_for_invalid_input,
            ),
            check("leaves nothing behind", remains::leaves_nothing_behind),
        ],
    )],
    cause: likely::cause,
};

/// The student's function.
pub type Dial = fn(&[SocketAddr], Duration) -> io::Result<TcpStream>;

type Dialing<'e> = Answer<'e, io::Result<TcpStream>>;

fn dialing<'e>(
    exam: &'e Exam,
    dial: Dial,
    addresses: &[&Address],
    limit: Duration,
) -> Verdict<Dialing<'e>> {
    let addrs: Vec<SocketAddr> = addresses.iter().map(|address| address.addr).collect();
    let listed = match &addrs[..] {
        [first, .., last] if addrs.len() > 5 => {
            format!("{} addresses, {first} to {last},", addrs.len())
        }
        few => format!("{few:?}"),
    };
    let limit_in_words = match limit {
        AMPLE => "an hour".to_owned(),
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
    .because(likely::no_connection)
}

fn is_of_kind(exam: &Exam, error: &io::Error, kind: ErrorKind, why: &str) -> Verdict {
    exam.must(
        error.kind() == kind,
        format!("an error of the kind {kind:?}: {why}"),
        format!("{:?}: {error}", error.kind()),
    )
    .because(|_| likely::another_kind(error.kind(), kind))
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
            .because(likely::no_connection),
    }
}

/// How long a call may rest that has nothing to wait for, all its pauses together.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Waits for the end of a call. Returns for how long all of its threads were blocked, from one look to the
/// next: a thread that waits for a CPU is not.
fn rests(exam: &Exam, answer: &Dialing<'_>) -> Verdict<Duration> {
    let mut rested = Duration::ZERO;
    let mut before: (Instant, Vec<Thread>) = (Instant::now(), Vec::new());
    exam.comes_true(|| {
        let now = Instant::now();
        let mut threads = here("look at threads", others())?;
        threads.retain(|thread| !thread.name.starts_with("exam"));
        let (then, old) = &before;
        let mut pairs = threads.iter().zip(old);
        let stayed = pairs.all(|(now, old)| now.has_stayed_blocked_since(old));
        if stayed && !threads.is_empty() && threads.len() == old.len() {
            rested += now - *then;
        }
        before = (now, threads);
        Ok(answer.has_ended())
    })?;
    Ok(rested)
}

/// Whether a call that had nothing to wait for rested for less than it may.
fn is_at_once(rested: Duration, took: Took) -> Verdict<bool> {
    if rested < AT_ONCE && took.time.saturating_sub(took.delay) >= AT_ONCE {
        return Err(Unmet::not_here(format!(
            "the machine is too busy: of {:.1?} the exam saw your threads at rest for {rested:.1?}",
            took.time
        )));
    }
    Ok(rested < AT_ONCE)
}

/// How long the exam takes for starting and joining so many threads, one after the other.
fn hand_over(threads: u8) -> Verdict<Duration> {
    let begun = Instant::now();
    for _ in 0..threads {
        let thread = thread::Builder::new().name("exam".to_owned());
        let _ = here("start a thread", thread.spawn(|| {}))?.join();
    }
    Ok(begun.elapsed())
}

/// The call took as long as it must, but on a machine that is busy the time may have gone by while it
/// waited for a CPU. That says nothing of what it would have waited for by itself.
fn has_waited(took: Took, limit: Duration) -> Verdict {
    let waited = took.time.saturating_sub(took.delay);
    if waited < limit * 3 / 4 {
        return Err(Unmet::not_here(format!(
            "the machine is too busy: of {:.0?} your thread waited {:.0?} for a CPU",
            took.time, took.delay
        )));
    }
    Ok(())
}

/// A machine that is busy may use up a limit before the answer can dial all of its addresses. That says
/// nothing of the answer, so a failure counts only where the exam's own wait was in time.
fn unless_busy<T>(
    verdict: Verdict<T>,
    reference: Reference,
    took: Took,
    limit: Duration,
) -> Verdict<T> {
    if let Err(Unmet::Failed(_)) = verdict {
        if took.delay > limit / 8 {
            return Err(Unmet::not_here(format!(
                "the machine is too busy: your thread waited {:.0?} for a CPU, of a limit of {limit:?}",
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
