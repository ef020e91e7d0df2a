//! Checks of exercise 8: a large answer that arrives whole, whatever the peer still sends.
//!
//! `harness` is the answer at work on a connection, `time` what its limit is held to, `cause` what
//! can have gone wrong.

mod cause;
mod harness;
mod time;

use std::{io, net::TcpStream, time::Duration};

use self::harness::{
    Before::{Asked, HalfClosed, HalfClosedAndReset, Nothing, Reset},
    Call, Left,
    Size::{Empty, Fits, Large, Short},
};
use super::Exercise;

use crate::exam::{AMPLE, Call as SystemCall, Exam, Rule, Suite, Verdict, check, numbered};

/// Exercise 8.
pub const EXERCISE: Exercise = Exercise {
    number: 8,
    name: "close",
    task: "send a large answer whole, and drain the peer before you close",
    hints: [
        "A close with bytes unread sends a reset, and so does the kernel when bytes arrive at a \
         socket that is closed. A reset discards what is not sent yet. So the order is: write \
         everything, send the FIN, read to the peer's end of file, close. Which call sends the FIN \
         and lets you read on?",
        "`shutdown(Shutdown::Write)` sends the FIN after the data; then read and discard until \
         Ok(0). The writes and the reads have one deadline, an `Instant`: before each of them \
         compute what remains, and set that as its timeout. `write_all` restarts a timeout for \
         each part: write in a loop of your own. A call that times out fails with WouldBlock on \
         Unix.",
        "let deadline = Instant::now() + limit; while !bytes.is_empty() { \
         stream.set_write_timeout(Some(remaining(deadline)?))?; match stream.write(bytes) { Ok(n) \
         => bytes = &bytes[n..], Err(error) if matches!(error.kind(), WouldBlock | Interrupted) => \
         {}, Err(error) => return Err(error) } } if let Err(error) = \
         stream.shutdown(Shutdown::Write) { return Err(stream.take_error()?.unwrap_or(error)) } \
         and the same loop once more with set_read_timeout and read, to Ok(0), where remaining(…) \
         is an error of the kind TimedOut when nothing remains.",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 8 is held to.
pub const SUITE: Suite<Function> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "Send all of `bytes`, then the FIN. Do not wait for the peer's end of file before \
             that: the peer may wait for yours.",
            &[
                check(
                    "sends all bytes, then the FIN",
                    sends_all_bytes_then_the_fin,
                ),
                check("sends the FIN after no bytes", sends_the_fin_after_no_bytes),
            ],
        ),
        Rule::core(
            "Read and discard everything that the peer sends, until its end of file. A close with \
             bytes unread sends a reset, and a reset discards what has not been delivered.",
            &[
                check(
                    "sends all bytes although bytes are unread",
                    sends_all_although_bytes_are_unread,
                ),
                check("drains the peer before it closes", drains_the_peer),
            ],
        ),
        Rule::core(
            "If the peer's end of file arrives first, send everything all the same.",
            &[check(
                "sends all bytes after the peer's end of file",
                sends_all_after_the_peers_end_of_file,
            )],
        ),
        Rule::core(
            "When everything is sent and the peer's end of file has arrived, return Ok. Do not \
             return before.",
            &[
                check(
                    "returns Ok at the peer's end of file",
                    returns_at_the_peers_end_of_file,
                ),
                check(
                    "does not return before the peer's end of file",
                    does_not_return_before,
                ),
            ],
        ),
        Rule::core(
            "When `limit` has passed since the call, return TimedOut: not earlier and not later, \
             whether it is a read or a write that does not end.",
            &[
                check(
                    "times out on a peer that never closes",
                    time::times_out_on_a_silent_peer,
                ),
                check(
                    "times out on a peer that never reads",
                    time::times_out_on_a_peer_that_never_reads,
                ),
            ],
        ),
        Rule::hardened(
            "The limit is one deadline for the whole call. Nothing that is sent or received \
             restarts it.",
            &[
                check(
                    "has one limit for writing and draining",
                    time::has_one_limit,
                ),
                check(
                    "times out on a peer that never stops sending",
                    time::times_out_on_a_peer_that_never_stops,
                ),
                check(
                    "times out on a peer that reads slowly",
                    time::times_out_on_a_slow_reader,
                ),
            ],
        ),
        Rule::hardened(
            "When `limit` is zero, return TimedOut immediately.",
            &[check(
                "times out immediately when the limit is zero",
                time::times_out_at_zero,
            )],
        ),
        Rule::hardened(
            "A signal (EINTR) neither ends the call nor restarts its limit.",
            &[
                check("continues after a signal", continues_after_a_signal),
                check("keeps its limit after a signal", time::keeps_its_limit),
            ],
        ),
        Rule::hardened(
            "When the peer resets the connection, return the kernel's error: ConnectionReset or \
             BrokenPipe.",
            &[check(
                "returns the error of a reset",
                returns_the_error_of_a_reset,
            )],
        ),
        Rule::hardened(
            "Wait in a system call that returns when the peer sends, reads or closes. Do not sleep \
             between attempts, and do not spin.",
            &[
                check(
                    "waits in a call that the peer ends",
                    waits_in_a_call_that_the_peer_ends,
                ),
                check(
                    "waits for room after the peer's end of file",
                    waits_for_room_after_the_peers_end_of_file,
                ),
                check(
                    "does not sleep when everything is written",
                    does_not_sleep_when_everything_is_written,
                ),
            ],
        ),
        Rule::hardened(
            "On every path out, close the stream and leave no thread and no descriptor.",
            &[
                check("closes the stream on every path", closes_the_stream),
                check("leaves no thread on any path", leaves_no_thread),
                check("leaves no descriptor on any path", leaves_no_descriptor),
            ],
        ),
    ],
    cause: cause::diagnose,
};

/// The student's function.
pub type Function = fn(TcpStream, &[u8], Duration) -> io::Result<()>;

/// A peer that sends nothing: nothing is ever unread.
fn sends_all_bytes_then_the_fin(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Large, Nothing))?;
    call.arrives()
}

fn sends_the_fin_after_no_bytes(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Empty, Nothing))?;
    call.arrives()?;
    call.half_closes()?;
    call.succeeds()
}

fn sends_all_although_bytes_are_unread(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Large, Asked))?;
    call.is_full()?;
    call.arrives()
}

/// Some words, and then more than a few reads take.
fn drains_the_peer(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Large, Asked))?;
    call.arrives()?;
    for words in ["and", "another thing", "before I go"] {
        call.drains(words.as_bytes())?;
    }
    call.drains(&numbered(100 << 10))?;
    call.drains_a_lot()?;
    call.drains(b"bye")
}

/// First more than there is room for. Then as much as there is: the answer may return, and what it
/// has written is not sent yet, because the peer does not read.
fn sends_all_after_the_peers_end_of_file(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Large, HalfClosed))?;
    call.is_full()?;
    call.arrives()?;
    call.succeeds()?;

    let call = Call::begin(exam, function, AMPLE, (Fits, HalfClosed))?;
    call.answer.comes_to_its_end()?; // an answer that waits until all has been read is right, too
    call.arrives()?;
    call.succeeds()
}

fn returns_at_the_peers_end_of_file(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Large, Asked))?;
    call.arrives()?;
    call.half_closes()?;
    call.succeeds()
}

fn does_not_return_before(exam: &Exam, function: Function) -> Verdict {
    for (size, before) in [(Large, Nothing), (Large, Asked), (Empty, Nothing)] {
        let call = Call::begin(exam, function, AMPLE, (size, before))?;
        call.arrives()?;
        call.goes_on()?;
    }
    Ok(())
}

fn continues_after_a_signal(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Large, Asked))?;
    call.is_full()?;
    call.is_interrupted()?;
    call.arrives()?;
    call.is_interrupted()?;
    call.drains(b"are you there?")?;
    call.half_closes()?;
    call.succeeds()
}

fn returns_the_error_of_a_reset(exam: &Exam, function: Function) -> Verdict {
    let mut call = Call::begin(exam, function, AMPLE, (Large, Asked))?;
    call.is_full()?;
    call.returns_the_reset("while it was writing")?;

    let mut call = Call::begin(exam, function, AMPLE, (Short, Nothing))?;
    call.arrives()?;
    call.returns_the_reset("after its FIN")?;

    let mut call = Call::begin(exam, function, AMPLE, (Large, HalfClosed))?;
    call.is_full()?;
    call.returns_the_reset("after the peer's end of file")?;

    // After the peer's end of file a read returns Ok(0), whatever came later: with nothing to
    // write, only `shutdown` fails.
    let when = ["before the call", "before the call, after the peer's FIN"];
    for (before, when) in [Reset, HalfClosedAndReset].into_iter().zip(when) {
        for (size, with) in [(Short, "with bytes"), (Empty, "with no bytes")] {
            let mut call = Call::begin(exam, function, AMPLE, (size, before))?;
            call.returns_the_reset(&format!("{when}, {with} to send"))?;
        }
    }
    Ok(())
}

fn waits_in_a_call_that_the_peer_ends(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Large, Asked))?;
    call.waits_in(&[SystemCall::Write, SystemCall::Poll])?;
    call.arrives()?;
    call.waits_in(&[SystemCall::Read, SystemCall::Poll, SystemCall::Splice])
}

fn waits_for_room_after_the_peers_end_of_file(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Large, HalfClosed))?;
    call.waits_in(&[SystemCall::Write, SystemCall::Poll])
}

/// The kernel has taken everything, and the peer has not acknowledged all of it, because it does not
/// read. The answer may return, or wait for that, but not by a sleep.
fn does_not_sleep_when_everything_is_written(exam: &Exam, function: Function) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Fits, HalfClosed))?;
    call.ends_or_waits_in(&[SystemCall::Write, SystemCall::Poll, SystemCall::Close])?;
    call.arrives()?;
    call.succeeds()
}

fn closes_the_stream(exam: &Exam, function: Function) -> Verdict {
    on_every_path(exam, function, |left| left.is_closed())
}

fn leaves_no_thread(exam: &Exam, function: Function) -> Verdict {
    on_every_path(exam, function, |left| left.no_thread())
}

fn leaves_no_descriptor(exam: &Exam, function: Function) -> Verdict {
    on_every_path(exam, function, |left| left.no_descriptor())
}

/// What must be so when the call has returned, whatever it returned.
fn on_every_path(exam: &Exam, function: Function, must: fn(&Left<'_>) -> Verdict) -> Verdict {
    let call = Call::begin(exam, function, AMPLE, (Large, Asked))?;
    call.arrives()?;
    call.half_closes()?;
    must(&call.is_over("after the peer's end of file")?)?;

    for size in [Short, Large] {
        let call = Call::begin(exam, function, Duration::from_millis(100), (size, Asked))?;
        must(&call.is_over("at its limit")?)?;
    }

    let mut call = Call::begin(exam, function, AMPLE, (Large, Asked))?;
    call.is_full()?;
    call.resets();
    must(&call.is_over("after a reset")?)?;

    let mut call = Call::begin(exam, function, AMPLE, (Short, Asked))?;
    call.arrives()?;
    call.resets();
    must(&call.is_over("after a reset")?)
}
