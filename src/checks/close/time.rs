//! What the limit is held to: it is one point in time, for the writing and for the hearing out.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use super::{
    Function,
    call::{
        Before::{Asked, Nothing},
        Call,
        Size::{Large, Short},
    },
    cause,
};
use crate::{
    deadline::Deadline,
    exam::{Exam, LIMIT, Verdict, here},
};

/// A limit where nothing happens until it has passed.
const SHORT: Duration = Duration::from_millis(300);

/// Twice as long: longer than a busy machine makes the pauses of a peer that does something.
const LONGER: Duration = Duration::from_millis(600);

/// A peer that reads does not wait for long.
const A_MOMENT: Duration = Duration::from_millis(1);

pub(super) fn gives_up_a_peer_that_never_closes(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, SHORT, (Short, Asked))?;
    call.times_out(cause::waits_for_a_silent_peer)
}

pub(super) fn gives_up_a_peer_that_talks_for_ever(exam: &Exam, function: Function) -> Verdict {
    is_not_held(exam, || {
        let call = Call::begin(exam, function, LONGER, (Short, Nothing))?;
        // Behind the close that is answered with RST, and the write fails: nothing is wrong with that.
        let says = |mut peer: &TcpStream| drop(peer.write(b"."));
        let late = cause::waits_for_a_talkative_peer;
        let longest = call.is_over_although("sends a byte", says, late)?;
        call.times_out(late)?;
        Ok(longest)
    })
}

pub(super) fn gives_up_a_peer_that_hardly_reads(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, SHORT, (Large, Asked))?;
    call.times_out(cause::waits_for_a_deaf_peer)?;

    is_not_held(exam, || {
        let call = Call::begin(exam, function, LONGER, (Large, Asked))?;
        let timeout = call.peer.stream().set_read_timeout(Some(A_MOMENT));
        here("set SO_RCVTIMEO", timeout)?;
        let reads = |mut peer: &TcpStream| drop(peer.read(&mut [0; 2 << 10]));
        let late = cause::waits_for_a_slow_peer;
        let longest = call.is_over_although("reads 2 KiB", reads, late)?;
        call.times_out(late)?;
        Ok(longest)
    })
}

/// A timeout for each call would never run out, if the peer's pauses are shorter: once more, if the
/// machine was so busy that one was not. Given is who returns the longest pause.
fn is_not_held(exam: &Exam, round: impl Fn() -> Verdict<Duration>) -> Verdict {
    let tries = Deadline::after(LIMIT);
    while round()? >= LONGER && !tries.passed() {
        exam.step("a pause was as long as the limit, for the machine is busy: once more");
    }
    Ok(())
}
