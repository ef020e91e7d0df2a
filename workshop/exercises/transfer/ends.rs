//! How a connection ends before a message is complete: end of file, a reset.

use std::io::ErrorKind;

use super::{
    ReadMessage,
    harness::{Connection, LARGE, framed, message},
};

use crate::exam::{
    Exam, Verdict,
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
    connection.returns(Err(ErrorKind::UnexpectedEof))
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
    Ok(())
}
