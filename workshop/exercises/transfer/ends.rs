//! How a message can fail to come: end of file, a signal, a timeout, a reset.

use std::{io::ErrorKind, time::Duration};

use super::{
    ReadMessage,
    harness::{Connection, LARGE, framed, message},
};

use crate::exam::{AMPLE, Because, Exam, Timing, Verdict, diagnosis::RETRIES_A_FATAL_ERROR, here};

/// The caller's read timeout, where it is to expire.
const SHORT: Duration = Duration::from_millis(300);

/// How late a call may be after that, not counting the time in which it had no CPU.
const MARGIN: Duration = Duration::from_millis(250);

pub(super) fn returns_none_at_end_of_file(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.peer.send(&framed(b"last"))?;
    connection.peer.half_close()?;
    connection.returns(message(b"last"))?;
    connection.returns(Ok(None))?;
    connection.returns(Ok(None))?; // it is still there: each read returns 0
    // While it waits.
    let connection = Connection::new(exam, read)?;
    let call = connection.call(LARGE)?;
    exam.comes_to_rest()?;
    connection.peer.half_close()?;
    call.returns(Ok(None), |_, _| None).map(drop)
}

pub(super) fn refuses_a_cut_message(exam: &Exam, read: ReadMessage) -> Verdict {
    for cut in [1, 2, 3, 4, 7] {
        let connection = Connection::new(exam, read)?;
        connection.peer.send(&framed(b"last")[..cut])?;
        connection.peer.half_close()?;
        connection.returns(Err(ErrorKind::UnexpectedEof))?;
    }
    Ok(())
}

/// Neither in a loop of non-blocking reads, nor in one of peeks that see the same bytes again.
pub(super) fn waits_in_the_kernel(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let hello = framed(b"hello");
    let call = connection.call(LARGE)?;
    for piece in [&hello[..2], &hello[2..4], &hello[4..6], &hello[6..]] {
        connection.comes_to_rest()?;
        connection.sends_a_piece(piece)?;
    }
    call.returns(message(b"hello"), |_, _| None).map(drop)
}

/// A read with a timeout that is interrupted ends with EINTR (signal(7)): no timeout, and no end.
pub(super) fn continues_after_a_signal(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let timeout = connection.stream.set_read_timeout(Some(AMPLE));
    here("set a timeout", timeout)?;
    exam.step(format!("set a read timeout of {AMPLE:?} on your end"));
    let hello = framed(b"hello");
    let call = connection.call(LARGE)?;
    for piece in [&hello[..2], &hello[2..6], &hello[6..]] {
        connection.comes_to_rest()?;
        call.answer.interrupt()?;
        exam.step("interrupted the system call in which your thread waited, by a signal");
        connection.comes_to_rest()?;
        connection.sends_a_piece(piece)?;
    }
    call.returns(message(b"hello"), |_, _| None).map(drop)
}

pub(super) fn returns_the_error_of_a_timeout(exam: &Exam, read: ReadMessage) -> Verdict {
    for cut in [0, 2, 4, 6] {
        let connection = Connection::new(exam, read)?;
        if cut > 0 {
            connection.peer.send(&framed(b"late")[..cut])?;
        }
        times_out(&connection)?;
    }
    Ok(())
}

/// A call with the caller's timeout on the socket, which expires.
pub(super) fn times_out(connection: &Connection) -> Verdict {
    let exam = connection.exam;
    connection.has_a_timeout(SHORT)?;
    let reference = exam.reference(SHORT)?;
    let call = connection.call(LARGE)?;
    let took = call.returns(Err(ErrorKind::WouldBlock), |_, _| None)?;
    let expected = format!("`read_message` to wait for the caller's {SHORT:?}");
    let seen = format!("it has returned after {:.1?}", took.time);
    match reference.judges(took, MARGIN)? {
        Timing::InTime => Ok(()),
        Timing::Early => exam.fail(expected, seen).caused_by(
            "The read did not wait as long as the caller's timeout says: your code has made the \
             socket non-blocking, or has set another timeout. Leave both as they are.",
        ),
        Timing::Late => exam
            .fail(format!("{expected}, and no longer"), seen)
            .caused_by(
                "The call took longer than the caller's timeout: your code reads again after a \
                 timeout, or waits in something else. Return the error of the first read that \
                 times out.",
            ),
    }
}

pub(super) fn returns_the_error_of_a_reset(exam: &Exam, read: ReadMessage) -> Verdict {
    for piece in [&b""[..], b"\0\0", b"\0\0\0\x04la"] {
        let connection = Connection::new(exam, read)?;
        let call = connection.call(LARGE)?;
        if !piece.is_empty() {
            connection.sends_a_piece(piece)?;
        }
        exam.comes_to_rest()?;
        connection.peer.reset();
        call.returns(Err(ErrorKind::ConnectionReset), |got, case| match got {
            None => RETRIES_A_FATAL_ERROR.of(case),
            Some(_) => None,
        })?;
    }
    Ok(())
}
