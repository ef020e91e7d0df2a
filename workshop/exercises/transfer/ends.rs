//! How a message can fail to come: the end of file, a signal, a time-out, a reset.

use std::{io::ErrorKind, time::Duration};

use super::{
    ReadMessage,
    call::{Connection, LARGE, framed, message},
};

use crate::exam::{AMPLE, Because, Case, Exam, Stuck, Timing, Verdict, here};

/// The caller's read timeout, where it is to run out.
const SHORT: Duration = Duration::from_millis(300);

/// How late a call may be after that, not counting the time in which it had no CPU.
const MARGIN: Duration = Duration::from_millis(250);

pub(super) fn tells_the_end_from_a_cut(exam: &Exam, read: ReadMessage) -> Verdict {
    let last = framed(b"last");
    let connection = Connection::new(exam, read)?;
    connection.peer.send(&last)?;
    connection.peer.half_close()?;
    connection.returns(message(b"last"))?;
    connection.returns(Ok(None))?;
    connection.returns(Ok(None))?; // it is still there: each read returns 0
    connection.is_as_it_was()?;
    for cut in [1, 3, 4, 7] {
        let connection = Connection::new(exam, read)?;
        connection.peer.send(&last[..cut])?;
        connection.peer.half_close()?;
        connection.returns(Err(ErrorKind::UnexpectedEof))?;
        connection.is_as_it_was()?;
    }
    Ok(())
}

/// A read with a timeout that is interrupted ends with EINTR (signal(7)): no time-out, and no end.
pub(super) fn goes_on_after_a_signal(exam: &Exam, read: ReadMessage) -> Verdict {
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

pub(super) fn hands_on_a_time_out(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    times_out(&connection)?;
    let left_behind = !exam.has_no_thread_left()?;
    connection.sends_a_piece(&framed(b"late"))?; // whoever still reads shall have it
    let call = connection.call(LARGE)?;
    call.returns(message(b"late"), |_, case| {
        let taken = left_behind && case.yours().is_some_and(|seen| seen.row.recv_q == 0);
        taken.then(|| {
            "When the first call had returned, a thread that it had started was still there, and the \
             message is gone (Recv-Q is 0): it was that thread's read that took it."
                .to_owned()
        })
    })?;
    for cut in [2, 6] {
        let connection = Connection::new(exam, read)?;
        connection.peer.send(&framed(b"late")[..cut])?;
        times_out(&connection)?;
    }
    Ok(())
}

/// A call with the caller's timeout on the socket, which runs out.
fn times_out(connection: &Connection) -> Verdict {
    let exam = connection.exam;
    let set = connection.stream.set_read_timeout(Some(SHORT));
    here("set a timeout", set)?;
    exam.step(format!("set a read timeout of {SHORT:?} on your end"));
    let set = here("read a timeout", connection.stream.read_timeout())?; // the kernel rounds it
    let reference = exam.reference(SHORT)?;
    let call = connection.call(LARGE)?;
    let took = call.returns(Err(ErrorKind::WouldBlock), |_, _| None)?;
    connection.is_as_it_was()?;
    let left = here("read a timeout", connection.stream.read_timeout())?;
    exam.must(
        left == set,
        format!("the socket's read timeout to be {set:?} still"),
        format!("it is {left:?}; it has returned"),
    )
    .caused_by(
        "The timeout was changed on the way (SO_RCVTIMEO is the socket's, not the call's), and the \
         caller's next read will be held to another one. How long to wait is not this call's to say.",
    )?;
    let expected = format!("`read_message` to wait for the caller's {SHORT:?}");
    let seen = format!("it has returned after {:.1?}", took.time);
    match reference.judges(took, MARGIN)? {
        Timing::InTime => {}
        Timing::Early => exam.fail(expected, seen).caused_by(
            "The read did not wait for as long as the caller has said: the socket is non-blocking, or \
             another timeout has been set.",
        )?,
        Timing::Late => exam
            .fail(format!("{expected}, and no longer"), seen)
            .caused_by(
                "The caller's timeout is still set, and the call took longer: a read that had timed out was \
                 made once more, or it waited in something else. Return the error of the first.",
            )?,
    }
    Ok(())
}

pub(super) fn hands_on_a_reset(exam: &Exam, read: ReadMessage) -> Verdict {
    for piece in [&b""[..], b"\0\0", b"\0\0\0\x04la"] {
        let connection = Connection::new(exam, read)?;
        let call = connection.call(LARGE)?;
        if !piece.is_empty() {
            connection.sends_a_piece(piece)?;
        }
        connection.comes_to_rest()?;
        connection.peer.reset();
        call.returns(Err(ErrorKind::ConnectionReset), |got, case: &Case| {
            (got.is_none() && matches!(case.stuck, Some(Stuck::Spin(..)))).then(|| {
                "The loop goes on after an error: each read fails again, or finds the end, for ever."
                    .to_owned()
            })
        })?;
    }
    Ok(())
}
