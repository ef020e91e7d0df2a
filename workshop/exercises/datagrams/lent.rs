//! The socket is only lent: how it is left, and what else is left, however the call ends.

use std::{io::ErrorKind, time::Duration};

use super::{
    Ask, cause,
    harness::{Pair, Wanted},
    socket::{NOT_AT_ONCE, deaf},
};

use crate::exam::{
    AMPLE, Because, Exam, Options, Verdict, descriptors, diagnosis::LEAVES_A_THREAD, numbered,
    or_skip,
};

/// A way in which a call ends: makes a call that ends so.
type Ending = fn(&Pair) -> Verdict;

/// Each way in which a call ends on a socket that is connected to the exam's.
const ENDINGS: [(&str, Ending); 4] = [
    ("after an answer", |pair| {
        let call = pair.call(b"one", 1, AMPLE)?;
        pair.receives(&call)?;
        pair.answers(1, b"first")?;
        call.returns(Wanted::Text(b"first"), |_, _| None).map(drop)
    }),
    ("after TimedOut", |pair| {
        // The pause that is under way at the limit has 350 ms to go: a thread that sleeps through
        // it is seen.
        let call = pair.call(b"two", 2, Duration::from_millis(400))?;
        call.times_out().map(drop)
    }),
    ("after a limit of zero", |pair| {
        pair.call(b"three", 3, Duration::ZERO)?
            .times_out()
            .map(drop)
    }),
    ("after EMSGSIZE", |pair| {
        let call = pair.call(&numbered(65_536), 4, NOT_AT_ONCE)?;
        call.returns(Wanted::TooLarge, |_, _| None).map(drop)
    }),
];

/// The last way: ECONNREFUSED.
fn is_refused(pair: &Pair) -> Verdict {
    let call = pair.call(b"five", 5, NOT_AT_ONCE)?;
    let refused = Wanted::Error(ErrorKind::ConnectionRefused);
    call.returns(refused, |_, _| None).map(drop)
}

pub(super) fn leaves_the_socket(exam: &Exam, ask: Ask) -> Verdict {
    for timeout in [None, Some(Duration::from_secs(3))] {
        let pair = Pair::new(exam, ask)?;
        has_timeout(&pair, timeout)?;
        for (when, ending) in ENDINGS {
            leaves_it(&pair, when, ending)?;
        }
        let (socket, addr) = deaf()?;
        let pair = Pair::to(exam, ask, socket, addr)?;
        exam.step("another socket of yours is like the first, but what it sends is refused");
        has_timeout(&pair, timeout)?;
        leaves_it(&pair, "after ECONNREFUSED", is_refused)?;
    }
    Ok(())
}

/// The caller has set timeouts, or none.
fn has_timeout(pair: &Pair, timeout: Option<Duration>) -> Verdict {
    or_skip("set SO_RCVTIMEO", pair.socket.set_read_timeout(timeout))?;
    or_skip("set SO_SNDTIMEO", pair.socket.set_write_timeout(timeout))?;
    pair.exam.step(match timeout {
        None => "your socket has no timeouts".to_owned(),
        Some(timeout) => format!("set the timeouts of your socket to {timeout:?}"),
    });
    Ok(())
}

fn leaves_it(pair: &Pair, when: &str, ending: Ending) -> Verdict {
    let addrs = |pair: &Pair| (pair.socket.local_addr().ok(), pair.socket.peer_addr().ok());
    let before = (Options::of(&*pair.socket), addrs(pair));
    ending(pair)?;
    let options = pair.exam.has_options(&*pair.socket, &before.0, when);
    options.caused_by(cause::LEAVES_AN_OPTION)?;
    pair.exam
        .must(
            addrs(pair) == before.1,
            format!("the socket to have the same addresses {when}"),
            format!("they are {:?}", addrs(pair)),
        )
        .caused_by(cause::CONNECTS_IT)
}

pub(super) fn leaves_nothing_open(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    for (when, ending) in ENDINGS {
        leaves_nothing(&pair, when, ending)?;
    }
    let (socket, addr) = deaf()?;
    let pair = Pair::to(exam, ask, socket, addr)?;
    leaves_nothing(&pair, "after ECONNREFUSED", is_refused)
}

fn leaves_nothing(pair: &Pair, when: &str, ending: Ending) -> Verdict {
    let exam = pair.exam;
    let before = descriptors()?;
    ending(pair)?;
    exam.must_leave_no_thread(
        format!("no thread to be left {when}"),
        "`ask` has returned, and a thread that it started is still there",
    )
    .diagnose(&[LEAVES_A_THREAD])?;
    exam.must(
        exam.comes_true(|| Ok(descriptors()? <= before))?,
        format!("no descriptor to be left {when}"),
        "one more is open than before",
    )
    .caused_by(cause::KEEPS_A_DESCRIPTOR)
}
