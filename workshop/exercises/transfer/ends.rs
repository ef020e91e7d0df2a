//! How a connection ends before a message is complete: end of file, a reset.

use std::{io::ErrorKind, sync::Arc};

use super::{
    ReadMessage,
    harness::{Connection, LARGE, framed, lend, message},
    lent::state_of,
};

use crate::exam::{
    CheckError, Exam, Verdict,
    diagnosis::{LOSES_THE_ERROR, RETRIES_A_FATAL_ERROR, first_of},
};

pub(super) fn none_between_messages(exam: &Exam, read: ReadMessage) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.peer.send(&framed(b"last"))?;
    connection.peer.half_close()?;
    connection.returns(message(b"last"))?;
    connection.returns(Ok(None))?;
    connection.returns(Ok(None))?; // end of file stays: each read returns 0

    let connection = Connection::new(exam, read)?;
    let call = connection.call(LARGE)?;
    connection.comes_to_rest()?;
    connection.peer.half_close()?;
    call.returns(Ok(None), |_, _| None).map(drop)
}

pub(super) fn unexpected_eof_for_a_cut(exam: &Exam, read: ReadMessage) -> Verdict {
    let last = framed(b"last");
    for cut in 1..last.len() {
        let connection = Connection::new(exam, read)?;
        connection.peer.send(&last[..cut])?;
        connection.peer.half_close()?;
        connection.returns(Err(ErrorKind::UnexpectedEof))?;
    }
    // A length of zeros so far, and a message that is not the first. It is sent when the first has
    // been returned: an answer that reads ahead breaks another rule.
    let connection = Connection::new(exam, read)?;
    connection.peer.send(&last)?;
    connection.returns(message(b"last"))?;
    connection.peer.send(&[0; 3])?;
    connection.peer.half_close()?;
    connection.returns(Err(ErrorKind::UnexpectedEof))?;
    // A length that would be above every limit.
    for cut in 1..4 {
        let connection = Connection::new(exam, read)?;
        connection.peer.send(&[0xff; 4][..cut])?;
        connection.peer.half_close()?;
        connection.returns(Err(ErrorKind::UnexpectedEof))?;
    }
    Ok(())
}

pub(super) fn returns_the_error_of_a_reset(exam: &Exam, read: ReadMessage) -> Verdict {
    for piece in [&b""[..], b"\0\0", b"\0\0\0\x04", b"\0\0\0\x04la"] {
        let connection = Connection::new(exam, read)?;
        let call = connection.call(LARGE)?;
        if !piece.is_empty() {
            connection.sends_a_piece(piece)?;
        }
        connection.comes_to_rest()?;
        connection.peer.reset();
        call.returns(Err(ErrorKind::ConnectionReset), |_, case| {
            first_of(&[LOSES_THE_ERROR, RETRIES_A_FATAL_ERROR], case)
        })?;
    }
    resets_before_the_call(exam, read)
}

/// What had arrived before the reset can still be read, and then a read returns the error.
fn resets_before_the_call(exam: &Exam, read: ReadMessage) -> Verdict {
    for piece in [&b""[..], b"\0\0", b"\0\0\0\x04la"] {
        let connection = Connection::new(exam, read)?;
        if !piece.is_empty() {
            connection.queues(piece)?;
        }
        let stream = Arc::clone(&connection.stream);
        connection.peer.reset();
        if !exam.comes_true(|| Ok(state_of(exam, &stream)?.is_none()))? {
            return Err(CheckError::skipped("the kernel does not show a reset"));
        }
        // The peer is gone.
        let call = lend(exam, read, stream, LARGE)?;
        call.returns(Err(ErrorKind::ConnectionReset), |got, _| match got {
            Some(Ok(None) | Err(ErrorKind::UnexpectedEof)) => Some(
                "The connection had been reset before the call. The first call that asks for that \
                 error gets it: a read, or `take_error` (SO_ERROR). Every read after that returns \
                 Ok(0), as at end of file. So your code has got the error, and has dropped it or replaced it."
                    .to_owned(),
            ),
            _ => None,
        })?;
    }
    Ok(())
}
