//! Which bytes are a line, which are not, and what is left in the socket.

use std::io::ErrorKind;

use socket_workshop::table::State;

use super::{
    ReadLine,
    harness::{Connection, ENOUGH, Got},
};

use crate::exam::{
    AMPLE, Because, Call, Case, Exam, Verdict,
    diagnosis::{READS_AHEAD, RETRIES_A_FATAL_ERROR, SPINS_AT_END_OF_FILE, first_of},
    numbered,
};

pub(super) fn removes_the_newline(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    for line in ["hello", "", "  \ttwo words \r", "\r", "a\0b\0", "\u{feff}x"] {
        connection.peer.send(format!("{line}\n").as_bytes())?;
        let call = connection.call(AMPLE, ENOUGH)?;
        call.returns(Ok(line), |got, case| skips_a_newline(line, got, case))?;
    }
    Ok(())
}

/// An empty line has come, and the call goes on.
fn skips_a_newline(line: &str, got: Option<&Got>, case: &Case) -> Option<String> {
    let is_read = case.yours()?.row.recv_q == 0 && case.is_blocked_in(&[Call::Read, Call::Poll]);
    (line.is_empty() && got.is_none() && is_read).then(|| {
        "A newline has come, and no byte before it. Your code has read it and waits for more. A \
         newline always ends a line: return an empty `String`."
            .to_owned()
    })
}

pub(super) fn joins_the_pieces(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let lines: [(&str, [&[u8]; 3]); 3] = [
        ("hello", [b"he", b"ll", b"o\n"]),
        ("hello again", [b"hello ", b"again", b"\n"]),
        ("grüß dich", [b"gr\xc3", b"\xbc\xc3\x9f", b" dich\n"]),
    ];
    for (line, pieces) in lines {
        let call = connection.call(AMPLE, ENOUGH)?;
        for piece in pieces {
            connection.sends_a_piece(piece)?;
        }
        call.returns(Ok(line), |got, _| {
            match got {
            Some(Err(ErrorKind::InvalidData)) => Some(
                "The line is UTF-8, but one of its characters came in two pieces, and neither half \
                 is UTF-8. Join the bytes first, and convert them when the newline has come."
                    .to_owned(),
            ),
            _ => None,
        }
        })?;
    }
    Ok(())
}

pub(super) fn leaves_the_next_line(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.queues(b"one\ntwo\nthr")?;
    connection.reads("one")?;
    let left = connection.recv_q()?;
    let is_left = exam.must(
        left == 7,
        "the 7 bytes after the first newline to be in the socket still",
        format!("{left} bytes are there (Recv-Q)"),
    );
    match left {
        0..7 => is_left.diagnose(&[READS_AHEAD])?,
        _ => is_left.caused_by(
            "The line, or its newline, is still in the socket: the next call would read it again. \
             `peek` takes nothing. After it, read the line and its newline.",
        )?,
    }
    connection.reads("two")?;
    connection.peer.send(b"ee\n")?;
    connection.reads("three")
}

pub(super) fn refuses_end_of_file(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.peer.send(b"whole\nha")?;
    connection.peer.half_close()?;
    connection.reads("whole")?;
    for _half_a_line_and_none in 0..2 {
        let call = connection.call(AMPLE, ENOUGH)?;
        call.returns(Err(ErrorKind::UnexpectedEof), end_of_file)?;
    }
    // While it waits.
    let connection = Connection::new(exam, read)?;
    let call = connection.call(AMPLE, ENOUGH)?;
    connection.sends_a_piece(b"ha")?;
    connection.peer.half_close()?;
    call.returns(Err(ErrorKind::UnexpectedEof), end_of_file)?;
    // After exactly max bytes: the line is not too long.
    for piece in [&b"ha"[..], b""] {
        let connection = Connection::new(exam, read)?;
        let call = connection.call(AMPLE, piece.len())?;
        if !piece.is_empty() {
            connection.sends_a_piece(piece)?;
        }
        connection.peer.half_close()?;
        call.returns(Err(ErrorKind::UnexpectedEof), end_of_file)?;
    }
    Ok(())
}

pub(super) fn end_of_file(got: Option<&Got>, case: &Case) -> Option<String> {
    let cause = match got {
        Some(Ok(line)) if line.is_empty() => {
            "The read returned Ok(0), end of file, and your code returned an empty line. An empty \
             line has a newline. Return UnexpectedEof."
        }
        Some(Ok(line)) if line.starts_with("h") => {
            "Your code returned the bytes before end of file as a line, although their newline \
             never came: they may be half of what the client meant. `read_line` and `read_until` \
             return Ok for them, so check that the result ends with a newline."
        }
        Some(Err(ErrorKind::FileTooLarge)) => {
            "The line has no more than max bytes, and then end of file came. Your code compares \
             the length with max before it has seen what follows: a newline, end of file, or one \
             byte too many. Only that byte makes the line too long. Return UnexpectedEof."
        }
        None if case.is_in(State::CloseWait) && case.yours()?.row.recv_q > 1 => {
            "The client's FIN has come (CLOSE_WAIT), but bytes before it are still in Recv-Q. As \
             long as they are there, `peek` returns them and never Ok(0). Read them."
        }
        None => return first_of(&[SPINS_AT_END_OF_FILE], case),
        _ => return None,
    };
    Some(cause.to_owned())
}

pub(super) fn returns_the_error_of_a_reset(exam: &Exam, read: ReadLine) -> Verdict {
    for piece in [&b"ha"[..], b""] {
        let connection = Connection::new(exam, read)?;
        let call = connection.call(AMPLE, ENOUGH)?;
        if !piece.is_empty() {
            connection.sends_a_piece(piece)?;
        }
        let _ = exam.waits_in(Call::Read)?;
        connection.peer.reset();
        call.returns(Err(ErrorKind::ConnectionReset), |got, case| {
            let cause = match got {
                None => return first_of(&[RETRIES_A_FATAL_ERROR], case),
                Some(Ok(_)) => {
                    "The read returned ECONNRESET, and your code returned what came before it as a \
                     line. Its newline never came. Return the error."
                }
                Some(Err(_)) => {
                    "The read returned ECONNRESET, and your code returned another kind of error. A \
                     reset is neither an end of file nor a timeout, and the caller must be able to \
                     see that. Return the error as it is."
                }
            };
            Some(cause.to_owned())
        })?;
    }
    Ok(())
}

pub(super) fn accepts_max_bytes(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    // Some characters of "grüße" have two bytes.
    let lines = [
        ("hello", 5),
        ("", 0),
        ("hello", usize::MAX),
        ("", 1),
        ("grüße", 7),
    ];
    for (line, max) in lines {
        connection.peer.send(format!("{line}\n").as_bytes())?;
        let call = connection.call(AMPLE, max)?;
        call.returns(Ok(line), |got, case| skips_a_newline(line, got, case))?;
    }
    // The sizes of the usual buffers: the newline is the first byte after one that is full.
    let text = String::from_utf8(numbered(70_000)).expect("numbers are text");
    let mut pouring = Vec::new(); // one that is dropped may shut the connection down
    for length in [511, 512, 1023, 1024, 4096, 8192, 16384, 70_000] {
        let line = [&text.as_bytes()[..length], b"\n"].concat();
        pouring.push(connection.peer.pours(line)?);
        let call = connection.call(AMPLE, length)?;
        call.returns(Ok(&text[..length]), |_, _| None)?;
    }
    Ok(())
}

pub(super) fn refuses_one_more_than_max(exam: &Exam, read: ReadLine) -> Verdict {
    // In the last two there are no more characters than max, and max may be within one.
    for (line, max) in [("hello!", 5), ("x", 0), ("grüße", 6), ("éé", 3)] {
        let connection = Connection::new(exam, read)?;
        connection.peer.send(format!("{line}\n").as_bytes())?;
        let call = connection.call(AMPLE, max)?;
        call.returns(Err(ErrorKind::FileTooLarge), |_, _| None)?;
    }
    Ok(())
}

const MAX: usize = 16;

/// Neither the newline nor anything else comes after the byte that is too many.
pub(super) fn refuses_before_the_newline(exam: &Exam, read: ReadLine) -> Verdict {
    let line = numbered(1000);
    refuses_after(&[&line[..MAX + 1]], exam, read)?;
    refuses_after(&[&line[..MAX], &line[MAX..MAX + 1]], exam, read)?;
    refuses_after(&[&line], exam, read).map(drop)
}

pub(super) fn takes_no_more_than_max_and_one(exam: &Exam, read: ReadLine) -> Verdict {
    let line = numbered(1000);
    let with_its_newline = [&line[..40], b"\n"].concat();
    for pieces in [
        &[&line[..]][..],
        &[&line[..10], &line[10..]],
        &[&with_its_newline],
    ] {
        let connection = refuses_after(pieces, exam, read)?;
        let sent: usize = pieces.iter().map(|piece| piece.len()).sum();
        let taken = sent - connection.recv_q()?.min(sent);
        exam.must(
            taken <= MAX + 1,
            format!("at most {} bytes to be taken: max, and one more", MAX + 1),
            format!("{taken} have been taken from the socket"),
        )
        .caused_by(
            "Byte 17 shows that the line is too long, and your code took more from the socket. \
             Give each read room for no more than what is missing of max + 1 bytes.",
        )?;
    }
    Ok(())
}

/// The first piece is there before the call, if it is the only one.
fn refuses_after<'e>(pieces: &[&[u8]], exam: &'e Exam, read: ReadLine) -> Verdict<Connection<'e>> {
    let connection = Connection::new(exam, read)?;
    if let [only] = pieces {
        connection.queues(only)?;
    }
    let call = connection.call(AMPLE, MAX)?;
    if let [first, last] = pieces {
        connection.sends_a_piece(first)?;
        connection.peer.send(last)?;
    }
    call.returns(Err(ErrorKind::FileTooLarge), |_, _| None)?;
    Ok(connection)
}

pub(super) fn refuses_what_is_not_utf8(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.peer.send(b"caf\xe9 au lait\n")?;
    let call = connection.call(AMPLE, ENOUGH)?;
    call.returns(Err(ErrorKind::InvalidData), not_utf8)?;
    connection.peer.send(b"caf\xc3\n")?; // the first half of a character
    let call = connection.call(AMPLE, ENOUGH)?;
    call.returns(Err(ErrorKind::InvalidData), not_utf8)
        .map(drop)
}

pub(super) fn not_utf8(got: Option<&Got>, _: &Case) -> Option<String> {
    match got {
        Some(Ok(rest)) if rest.trim_start() == "au lait" => Some(
            "This is the rest of the line before, which is not UTF-8. Your code returned \
             InvalidData before it had read that line to its newline. Read the whole line first, \
             then convert it."
                .to_owned(),
        ),
        Some(Ok(_)) => Some(
            "The line is not UTF-8, and your code returned it all the same: `from_utf8_lossy` puts \
             in a replacement character, `as char` another character than the client may have \
             meant, and some loops drop the byte. `String::from_utf8` returns an error instead."
                .to_owned(),
        ),
        _ => None,
    }
}

pub(super) fn reads_the_line_after(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.queues(b"caf\xe9 au lait\nnext\n")?;
    let call = connection.call(AMPLE, ENOUGH)?;
    call.returns(Err(ErrorKind::InvalidData), not_utf8)?;
    reads_next(&connection)?;
    // The newline comes later than what is not UTF-8.
    let connection = Connection::new(exam, read)?;
    let call = connection.call(AMPLE, ENOUGH)?;
    connection.sends_a_piece(b"caf\xe9 au")?;
    connection.peer.send(b" lait\nnext\n")?;
    call.returns(Err(ErrorKind::InvalidData), not_utf8)?;
    reads_next(&connection)
}

/// The call after one that has refused the line before.
fn reads_next(connection: &Connection) -> Verdict {
    let call = connection.call(AMPLE, ENOUGH)?;
    call.returns(Ok("next"), |got, case| {
        let gone = case.yours()?.row.recv_q == 0 && case.is_blocked_in(&[Call::Read, Call::Poll]);
        let cause = match got {
            None if gone => {
                "The next line arrived together with the one that was refused, and it is gone \
                 (Recv-Q is 0): the call before this one has read it too. Stop reading after the \
                 newline."
            }
            None => return None,
            Some(Ok(line)) if line.trim() == "next" => return None,
            Some(_) => {
                "The call before this one refused the line without reading all of it, so this call \
                 read the same line, or the rest of it. Read to the newline first, then check that \
                 the line is UTF-8."
            }
        };
        Some(cause.to_owned())
    })
    .map(drop)
}
