//! What the limit is held to: it is one point in time, for writing and for draining the peer.

use std::{net::TcpStream, os::fd::AsRawFd, thread, time::Duration};

use nix::sys::socket::{MsgFlags, recv, send};
use socket_workshop::threads::run_delay;

use super::{
    Function, cause,
    harness::{
        Before::{Asked, HalfClosed, Nothing, OnlyHalfClosed},
        Call,
        Size::{Empty, Huge, Large, Short},
    },
};

use crate::exam::{AMPLE, Case, CheckError, Exam, Took, Verdict};

/// A limit where nothing happens until it has passed. Not a whole number of milliseconds.
const SHORT: Duration = Duration::from_micros(300_990);

/// Twice as long: longer than a busy machine makes the pauses of a peer that does something.
const LONGER: Duration = Duration::from_millis(600);

/// When a peer begins to read that is late, but in time.
const LATE: Duration = Duration::from_millis(400);

/// So much run delay, and the machine is too busy to say whose fault it is that something was late.
const BUSY: Duration = Duration::from_millis(50);

/// The pauses of a peer that sends, and of one that reads: half a megabyte takes it almost two
/// seconds.
const BETWEEN_BYTES: Duration = Duration::from_millis(20);
const BETWEEN_READS: Duration = Duration::from_millis(100);

/// For so long it goes on with it: twice the limit.
const GOES_ON: Duration = Duration::from_millis(1200);

/// How often a peer that makes no pause sends all that there is room for, and what it sends at a
/// time.
const BETWEEN_FILLS: Duration = Duration::from_millis(1);
static A_PIECE: [u8; 64 << 10] = [b'.'; 64 << 10];

/// In a pause this long, the shortest timeout of a read may end.
const A_JIFFY: Duration = Duration::from_millis(4);

pub(super) fn times_out_on_a_silent_peer(exam: &Exam, function: Function) -> Verdict {
    for (size, before) in [(Short, Asked), (Empty, Nothing)] {
        let mut call = Call::begin(exam, function, SHORT, (size, before))?;
        call.times_out(|case, _| cause::waits_for_a_silent_peer(case))?;
    }
    Ok(())
}

/// With bytes unread, without any, and with the peer's end of file.
pub(super) fn times_out_on_a_peer_that_never_reads(exam: &Exam, function: Function) -> Verdict {
    for before in [Asked, Nothing, HalfClosed] {
        let mut call = Call::begin(exam, function, SHORT, (Large, before))?;
        call.times_out(|case, took| match took {
            Some(_) if before == Nothing => Some(cause::LINGERS.to_owned()),
            Some(took) if took.time >= 2 * SHORT => Some(cause::EACH_WRITE.to_owned()),
            Some(_) => None,
            None => cause::waits_for_a_peer_that_never_reads(case),
        })?;
    }
    Ok(())
}

pub(super) fn times_out_at_zero(exam: &Exam, function: Function) -> Verdict {
    for size in [Large, Short, Empty] {
        let mut call = Call::begin(exam, function, Duration::ZERO, (size, Asked))?;
        call.times_out(|_, _| Some(cause::ZERO_IS_OVER.to_owned()))?;
    }
    // A call that waits a little, or not at all, has nothing to wait for here, and next to nothing
    // to read.
    for before in [HalfClosed, OnlyHalfClosed] {
        for size in [Short, Empty] {
            let mut call = Call::begin(exam, function, Duration::ZERO, (size, before))?;
            call.times_out(|_, _| Some(cause::ZERO_IS_OVER.to_owned()))?;
        }
    }
    Ok(())
}

/// Four signals in the first part of the limit. Together they would hold a call that restarts its
/// limit for longer than a busy machine does.
pub(super) fn keeps_its_limit(exam: &Exam, function: Function) -> Verdict {
    for size in [Short, Large] {
        // Whenever the signals come: the first may find a write that has taken a part.
        let call = Call::begin(exam, function, AMPLE, (size, Asked))?;
        for _ in 0..3 {
            call.is_interrupted()?;
        }
        call.goes_on_after_a_signal()?;
        let mut call = Call::begin(exam, function, LONGER, (size, Asked))?;
        for _ in 0..4 {
            call.is_interrupted()?;
            thread::sleep(LONGER / 6); // its length is the subject: how much of the limit is over
        }
        call.times_out(cause::restarts_its_limit)?;
    }
    Ok(())
}

pub(super) fn has_one_limit(exam: &Exam, function: Function) -> Verdict {
    for _ in 0..3 {
        if reads_late(exam, function)? {
            return Ok(());
        }
        exam.step("the machine was too busy for all of it to pass by the limit: once more");
    }
    Err(CheckError::skipped(
        "the machine is too busy: three times 224 KiB did not pass in 200 ms",
    ))
}

/// A peer that reads everything shortly before the limit, and does not close. Returns whether the
/// answer could write all by then, had it wanted to: the machine left it, and the exam, enough CPU.
fn reads_late(exam: &Exam, function: Function) -> Verdict<bool> {
    let mut call = Call::begin(exam, function, LONGER, (Large, Asked))?;
    exam.step(format!(
        "the peer reads nothing for {LATE:?}, and then all of it"
    ));
    thread::sleep(LATE); // its length is the subject: a peer that is late
    let before = run_delay();
    let began_late = call.answer.age() > LATE + BUSY;
    let (mut left, mut in_time) = (call.len(), false);
    exam.until(|| {
        left -= reads(call.peer().stream(), left);
        in_time |= left == 0 && call.answer.age() < LONGER;
        Ok((left == 0 || call.answer.has_ended()).then_some(()))
    })?;
    let own_delay = run_delay().saturating_sub(before);
    let took = call.times_out(|case, took| match took {
        // The call may have begun some time after the peer's pause.
        Some(took) if took.time >= LATE * 3 / 4 + LONGER => Some(cause::BEGAN_ANEW.to_owned()),
        Some(_) => None,
        None => cause::waits_for_a_silent_peer(case),
    })?;
    Ok(in_time || !(began_late || own_delay + took.delay > BUSY))
}

pub(super) fn times_out_on_a_peer_that_never_stops(exam: &Exam, function: Function) -> Verdict {
    is_not_held(exam, || {
        let mut call = Call::begin(exam, function, LONGER, (Short, Nothing))?;
        exam.step(format!(
            "the peer sends a byte every {BETWEEN_BYTES:?}, for {GOES_ON:?} or until it returns"
        ));
        // After the close that is answered with RST, and the send fails: nothing is wrong with
        // that.
        let sends = |peer: &TcpStream| {
            let _ = send(peer.as_raw_fd(), b".", NOW);
        };
        let longest = call.has_a_peer_that(60, BETWEEN_BYTES, sends);
        call.times_out(held(cause::waits_for_a_peer_that_never_stops))?;
        Ok(longest)
    })?;
    times_out_on_a_peer_that_makes_no_pause(exam, function)
}

/// Bytes are there whenever the call looks. It must look at its deadline all the same.
fn times_out_on_a_peer_that_makes_no_pause(exam: &Exam, function: Function) -> Verdict {
    for _ in 0..3 {
        let mut call = Call::begin(exam, function, SHORT / 3, (Short, Nothing))?;
        exam.step(format!(
            "the peer fills the buffers every {BETWEEN_FILLS:?}, for {GOES_ON:?} or until it \
             returns"
        ));
        let fills = |peer: &TcpStream| {
            // A call that reads as fast as this sends always makes room.
            for _ in 0..64 {
                if send(peer.as_raw_fd(), &A_PIECE, NOW).is_err() {
                    break;
                }
            }
        };
        let longest = call.has_a_peer_that(1200, BETWEEN_FILLS, fills);
        call.times_out(held(cause::looks_at_the_clock_too_seldom))?;
        if longest < A_JIFFY {
            break;
        }
        exam.step("a pause of the peer's was so long that a read could time out: once more");
    }
    Ok(())
}

pub(super) fn times_out_on_a_slow_reader(exam: &Exam, function: Function) -> Verdict {
    is_not_held(exam, || {
        let mut call = Call::begin(exam, function, LONGER, (Huge, Asked))?;
        exam.step(format!(
            "the peer reads 32 KiB every {BETWEEN_READS:?}, for {GOES_ON:?} or until it returns"
        ));
        // Half of its buffer: the window is not opened by less (RFC 9293, 3.8.6.2.2).
        let takes = |peer: &TcpStream| {
            reads(peer, 32 << 10);
        };
        let longest = call.has_a_peer_that(12, BETWEEN_READS, takes);
        call.times_out(held(cause::waits_for_a_slow_peer))?;
        Ok(longest)
    })
}

/// Whether a call has been held until the peer stopped, or longer.
fn held(why: fn(&Case) -> Option<String>) -> impl Fn(&Case, Option<Took>) -> Option<String> {
    move |case, took| match took {
        Some(took) if took.time < GOES_ON => None,
        _ => why(case),
    }
}

/// A timeout for each call would never run out if the peer's pauses are shorter by far. On a
/// machine so busy that they are not: once more. Given is what returns the longest pause.
fn is_not_held(exam: &Exam, round: impl Fn() -> Verdict<Duration>) -> Verdict {
    for _ in 0..3 {
        if round()? * 2 < LONGER {
            return Ok(());
        }
        exam.step("a pause of the peer's was too long, for the machine is busy: once more");
    }
    Err(CheckError::skipped(
        "the machine is too busy: three times the exam did nothing for 300 ms",
    ))
}

/// A call of the exam's own never waits in the kernel.
const NOW: MsgFlags = MsgFlags::MSG_DONTWAIT.union(MsgFlags::MSG_NOSIGNAL);

/// Takes what has come, and no more than this. Returns how much that was.
fn reads(peer: &TcpStream, most: usize) -> usize {
    let (mut left, mut scrap) = (most, [0; 32 << 10]);
    while left > 0 {
        let room = left.min(scrap.len());
        match recv(peer.as_raw_fd(), &mut scrap[..room], NOW) {
            Ok(n @ 1..) => left -= n,
            _ => break, // nothing more now, or the end
        }
    }
    most - left
}
