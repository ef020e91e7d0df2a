//! What a call does while bytes are missing: it waits, a signal comes, or the caller's timeout runs
//! out.

use std::{
    io::ErrorKind,
    thread,
    time::{Duration, Instant},
};

use super::{
    ReadMessage,
    harness::{Connection, LARGE, framed, message},
};

use crate::exam::{
    AMPLE, Because, Call, CheckError, Exam, Timing, Took, Verdict, diagnosis::SLEEPS_BETWEEN_LOOKS,
};

/// The caller's read timeouts, where they run out.
const SHORT: Duration = Duration::from_millis(100);
const LONGER: Duration = Duration::from_millis(1300);

/// The caller's read timeout where each piece comes within it, and how long the peer then waits
/// before each.
const PACED: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(200);

/// The kernel counts SO_RCVTIMEO in jiffies, which may end up to one early. The longest jiffy that
/// a kernel may have (CONFIG_HZ of 100).
const JIFFY: Duration = Duration::from_millis(10);

/// How late a call may be after that, not counting the time in which it had no CPU.
const MARGIN: Duration = Duration::from_millis(250);

pub(super) fn waits_in_the_kernel(exam: &Exam, read: ReadMessage) -> Verdict {
    for timeout in [None, Some(AMPLE)] {
        let connection = Connection::new(exam, read)?;
        connection.has_timeout(timeout)?;
        let hello = framed(b"hello");
        let call = connection.call(LARGE)?;
        for piece in [&hello[..2], &hello[2..4], &hello[4..6], &hello[6..]] {
            waits_for_bytes(&connection)?;
            connection.sends_a_piece(piece)?;
        }
        call.returns(message(b"hello"), |_, _| None)?;
    }
    Ok(())
}

/// A thread must be blocked in a call that returns when bytes arrive.
fn waits_for_bytes(connection: &Connection) -> Verdict {
    connection.comes_to_rest()?;
    let exam = connection.exam;
    exam.must(
        exam.waits_in(Call::Read)? || exam.waits_in(Call::Poll)?,
        "your thread to wait in a read or in `poll` while bytes are missing",
        "it waits in something else",
    )
    .diagnose(&[SLEEPS_BETWEEN_LOOKS])
}

/// A read with a timeout that is interrupted ends with EINTR (signal(7)): no timeout, and no end.
pub(super) fn reads_on_after_a_signal(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.has_timeout(Some(AMPLE))?;
    let hello = framed(b"hello");
    let call = connection.call(LARGE)?;
    for piece in [&hello[..2], &hello[2..4], &hello[4..6], &hello[6..]] {
        connection.comes_to_rest()?;
        if call.answer.has_ended() {
            break; // too early: what it has returned says why
        }
        call.answer.interrupt()?;
        exam.step("interrupted the system call in which your thread waited, by a signal");
        connection.comes_to_rest()?;
        connection.sends_a_piece(piece)?;
    }
    call.returns(message(b"hello"), |_, _| None).map(drop)
}

pub(super) fn returns_the_timeout(exam: &Exam, read: ReadMessage) -> Verdict {
    let late = framed(b"late");
    for (arrived, timeout) in [(0, SHORT), (2, SHORT), (4, SHORT), (6, LONGER)] {
        let connection = Connection::new(exam, read)?;
        if arrived > 0 {
            connection.queues(&late[..arrived])?;
        }
        times_out(&connection, timeout)?;
    }
    Ok(())
}

/// SO_RCVTIMEO is the timeout of one read: it begins again with the next.
pub(super) fn reads_on_within_the_timeout(exam: &Exam, read: ReadMessage) -> Verdict {
    for _ in 0..3 {
        // The timeout must have passed before the last piece but one: not so if the call began late.
        if reads_slow_pieces(exam, read)?.time >= PACED + PAUSE {
            break;
        }
        exam.step("the call began late, because the machine is busy: once more");
    }
    Ok(())
}

/// Each piece comes within the timeout, and all of them take longer. Returns how long the call took.
fn reads_slow_pieces(exam: &Exam, read: ReadMessage) -> Verdict<Took> {
    let connection = Connection::new(exam, read)?;
    connection.has_timeout(Some(PACED))?;
    let steady = framed(b"steady");
    let mut since = Instant::now();
    let mut longest = Duration::ZERO;
    let mut ended = None;
    let call = connection.call(LARGE)?;
    for piece in [&steady[..2], &steady[2..4], &steady[4..6], &steady[6..]] {
        thread::sleep(PAUSE); // its length is the subject: a slow peer
        if call.answer.has_ended() {
            ended = Some(call.answer.age());
            break;
        }
        let sending = Instant::now();
        connection.sends_a_piece(piece)?;
        // The read of this piece began after the one before was sent.
        longest = longest.max(since.elapsed());
        since = sending;
    }
    let returned = call.returns(message(b"steady"), |got, _| match got {
        Some(Err(ErrorKind::WouldBlock)) if ended.is_none_or(|age| age >= PACED) => Some(format!(
            "Each piece came within the caller's read timeout of {PACED:?}, and all of them took \
             longer. The timeout of a socket is that of one read, and begins again with the next. \
             Your code takes it for the time that the whole message may take: return WouldBlock \
             only if a read does."
        )),
        _ => None,
    });
    match returned {
        Err(CheckError::Failed(_)) if longest >= PACED - PACED / 20 => Err(CheckError::skipped(
            format!("the machine is too busy: {longest:.1?} passed where a pause was {PAUSE:?}"),
        )),
        returned => returned,
    }
}

pub(super) fn reads_after_a_timeout(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.has_timeout(Some(SHORT))?;
    let call = connection.call(LARGE)?;
    call.returns(Err(ErrorKind::WouldBlock), |_, _| None)?;
    let is_left = !exam.leaves_no_thread()?;
    connection.has_timeout(Some(AMPLE))?;
    connection.sends_a_piece(&framed(b"late"))?; // a thread that still reads gets it
    let call = connection.call(LARGE)?;
    call.returns(message(b"late"), |_, case| {
        let taken = is_left && case.yours().is_some_and(|seen| seen.row.recv_q == 0);
        taken.then(|| {
            "After the first call had returned, a thread that it had started was still there. The \
             message is gone (Recv-Q is 0): that thread has read it. Read in the calling thread, \
             or join yours before you return."
                .to_owned()
        })
    })
    .map(drop)
}

/// A call with the caller's timeout on the socket, which runs out.
fn times_out(connection: &Connection, timeout: Duration) -> Verdict {
    let exam = connection.exam;
    connection.has_timeout(Some(timeout))?;
    let reference = exam.reference(timeout)?;
    let call = connection.call(LARGE)?;
    let took = call.returns(Err(ErrorKind::WouldBlock), |_, _| None)?;
    let expected = format!("`read_message` to wait for the caller's {timeout:?}");
    let seen = format!("it has returned after {:.1?}", took.time);
    match reference.judges(took, MARGIN)? {
        Timing::InTime => Ok(()),
        Timing::Early if took.time + JIFFY >= timeout => Ok(()),
        Timing::Early => exam.fail(expected, seen).caused_by(
            "Your code did not wait for the caller's timeout. Either it makes the socket \
             non-blocking, or it has a timeout of its own. The caller decides how long to wait: \
             just read.",
        ),
        Timing::Late => exam
            .fail(format!("{expected}, and no longer"), seen)
            .caused_by(
                "The caller's timeout has run out, and your code waited longer. Either it reads \
                 again after a timeout, or it has a timeout of its own. Return the error of the \
                 first read that fails.",
            ),
    }
}
