//! What the limit is held to: it is one point in time, for the writing and for the hearing out.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use socket_workshop::deadline::Deadline;

use super::{
    Function,
    call::{
        Before::{Asked, Nothing},
        Call, PAUSE,
        Size::{Large, Short},
    },
    cause,
};

use crate::exam::{Because, Exam, LIMIT, Verdict, here};

/// A limit where nothing happens until it has passed.
const SHORT: Duration = Duration::from_millis(300);

/// Twice as long: longer than a busy machine makes the pauses of a peer that does something.
const LONGER: Duration = Duration::from_millis(600);

/// When a peer begins to read that is late, but in time.
const LATE: Duration = Duration::from_millis(500);

/// How long a slow reader rests: it takes a megabyte in three seconds.
const LONG_PAUSE: Duration = Duration::from_millis(100);

/// A peer that reads does not wait for long.
const A_MOMENT: Duration = Duration::from_millis(1);

pub(super) fn gives_up_a_peer_that_never_closes(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, SHORT, (Short, Asked))?;
    call.times_out(cause::waits_for_a_silent_peer)?;

    // Only if it is that late twice is it no busy machine's doing.
    let both = LATE + LONGER;
    let took = reads_late(exam, function)?;
    if took >= both && reads_late(exam, function)? >= both {
        let expected = format!("`answer` to return TimedOut after {LONGER:?}");
        let seen = format!("it has returned it after {took:.0?}, twice as late");
        return exam.fail(expected, seen).caused_by(
            "The limit began anew when all was written. It is one for both, the writing and the hearing \
             out: note the deadline at the beginning, before the first write.",
        );
    }
    Ok(())
}

/// A peer that reads everything shortly before the limit, and does not close. Returns how long it took.
fn reads_late(exam: &Exam, function: Function) -> Verdict<Duration> {
    let call = Call::begin(exam, function, LONGER, (Large, Asked))?;
    exam.step(format!(
        "the peer reads nothing for {LATE:?}, and then all of it"
    ));
    thread::sleep(LATE); // its length is the subject: a peer that is late
    let mut peer = Deadline::after(LONGER + LIMIT).on(call.peer.stream());
    // Past the limit it may be reset.
    let _ = io::copy(&mut peer, &mut io::sink());
    call.times_out(cause::waits_for_a_silent_peer)
}

pub(super) fn gives_up_a_peer_that_talks_for_ever(exam: &Exam, function: Function) -> Verdict {
    is_not_held(exam, |limit| {
        let call = Call::begin(exam, function, limit, (Short, Nothing))?;
        exam.step(format!("the peer sends a byte every {PAUSE:?}"));
        // Behind the close that is answered with RST, and the write fails: nothing is wrong with that.
        let says = |mut peer: &TcpStream| drop(peer.write(b"."));
        let longest = call.is_over_although(PAUSE, says, cause::waits_for_a_talkative_peer)?;
        call.times_out(cause::waits_for_a_talkative_peer)?;
        Ok(longest)
    })
}

pub(super) fn gives_up_a_peer_that_hardly_reads(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, SHORT, (Large, Asked))?;
    call.times_out(cause::waits_for_a_deaf_peer)?;

    is_not_held(exam, |limit| {
        let call = Call::begin(exam, function, limit, (Large, Asked))?;
        exam.step(format!("the peer reads 32 KiB every {LONG_PAUSE:?}"));
        let timeout = call.peer.stream().set_read_timeout(Some(A_MOMENT));
        here("set SO_RCVTIMEO", timeout)?;
        // Half of its buffer: the window is not opened by less (RFC 9293, 3.8.6.2.2).
        let reads = |mut peer: &TcpStream| drop(peer.read(&mut [0; 32 << 10]));
        let longest = call.is_over_although(LONG_PAUSE, reads, cause::waits_for_a_slow_peer)?;
        call.times_out(cause::waits_for_a_slow_peer)?;
        Ok(longest)
    })
}

/// A timeout for each call would never run out if the peer's pauses are shorter by far. On a machine so
/// busy that they are not: once more, with a longer limit. Given is who returns the longest pause.
fn is_not_held(exam: &Exam, round: impl Fn(Duration) -> Verdict<Duration>) -> Verdict {
    for limit in [LONGER, 2 * LONGER, 2 * LONGER] {
        if 3 * round(limit)? < limit {
            break;
        }
        exam.step("the peer's pauses were long, for the machine is busy: once more");
    }
    Ok(())
}
