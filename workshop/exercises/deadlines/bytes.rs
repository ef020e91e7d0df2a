//! Which bytes are a line, what is none, and what is left in the socket.

use std::io::ErrorKind;

use socket_workshop::table::State;

use super::{
    ReadLine,
    call::{Connection, ENOUGH, Got},
};

use crate::exam::{AMPLE, Because, Call, Case, Exam, Stuck, Verdict};

pub(super) fn takes_the_newline_off(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    for line in ["hello", "", "  \ttwo words \r"] {
        connection.peer.send(format!("{line}\n").as_bytes())?;
        connection.reads(line)?;
    }
    Ok(())
}

pub(super) fn puts_together_what_comes_in_pieces(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let lines: [(&str, [&[u8]; 3]); 2] = [
        ("hello", [b"he", b"ll", b"o\n"]),
        ("grüß dich", [b"gr\xc3", b"\xbc\xc3\x9f", b" dich\n"]),
    ];
    for (line, pieces) in lines {
        let call = connection.call(AMPLE, ENOUGH)?;
        for piece in pieces {
            connection.sends_a_piece(piece)?;
        }
        call.returns(Ok(line), |got, _| match got {
            Some(Err(ErrorKind::InvalidData)) => Some(
                "The line is UTF-8, but one of its characters came in two pieces, and neither half is. \
                 Put the bytes together, and make text of them when the newline has come."
                    .to_owned(),
            ),
            _ => None,
        })?;
    }
    Ok(())
}

pub(super) fn leaves_the_next_line_in_the_socket(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.queues(b"one\ntwo\nthr")?;
    connection.reads("one")?;
    let left = connection.recv_q()?;
    exam.must(
        left == 7,
        "the 7 bytes behind the first newline to be in the socket still",
        format!("{left} bytes are there (Recv-Q)"),
    )
    .because(|_| {
        Some(match left {
            0..7 => {
                "More was taken from the socket than the line and its newline, and what is in a buffer \
                 when the call returns is lost: the next call has a new one. That is what a BufReader \
                 does, and every read that has room for more than is known to belong to the line."
            }
            _ => {
                "The line, or its newline, has not been taken from the socket: the next call would read \
                 it again. `peek` takes nothing; read what it has shown, to the newline and with it."
            }
        }
        .to_owned())
    })?;
    connection.reads("two")?;
    connection.peer.send(b"ee\n")?;
    connection.reads("three")
}

pub(super) fn takes_no_end_for_a_line(exam: &Exam, read: ReadLine) -> Verdict {
    takes_no_end_of_file_for_a_line(exam, read)?;
    takes_no_reset_for_a_line(exam, read)
}

fn takes_no_end_of_file_for_a_line(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.peer.send(b"whole\nha")?;
    connection.peer.half_close()?;
    connection.reads("whole")?;
    for _half_a_line_and_none in 0..2 {
        let call = connection.call(AMPLE, ENOUGH)?;
        call.returns(Err(ErrorKind::UnexpectedEof), end_of_file)?;
    }
    Ok(())
}

fn takes_no_reset_for_a_line(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let call = connection.call(AMPLE, ENOUGH)?;
    connection.sends_a_piece(b"ha")?;
    connection.peer.reset();
    call.returns(Err(ErrorKind::ConnectionReset), |got, case| {
        Some(match got {
            None if matches!(case.stuck, Some(Stuck::Spin(..))) => {
                "The loop goes on after an error: each read fails again, or finds the end, for ever."
            }
            None => return None,
            Some(Ok(_)) => {
                "What stood before the reset was taken for a line, but its newline never came."
            }
            Some(Err(_)) => {
                "A read of a connection that has been reset returns ECONNRESET: the peer has thrown it \
                 away, which is neither an end of file nor a time-out. The caller must be able to tell: \
                 return the error as it is."
            }
        }
        .to_owned())
    })
    .map(drop)
}

fn end_of_file(got: Option<&Got>, case: &Case) -> Option<String> {
    Some(match got {
        Some(Ok(line)) if line.is_empty() => {
            "Nothing came any more, not even a newline: the read returned Ok(0), end of file. That is no \
             empty line, which would have its newline."
        }
        Some(Ok(line)) if line == "ha" => {
            "What stood before the end of file was taken for a line, but its newline never came: it may \
             be half of what the peer meant. `read_line` and `read_until` return Ok for it: look whether \
             it ends with a newline."
        }
        None if case.is_in(State::CloseWait) && case.yours()?.row.recv_q > 1 => {
            "The peer's FIN has come (CLOSE_WAIT), but in front of it bytes stand in Recv-Q still. While \
             they do, a `peek` shows them, and never the end of file behind them: take them."
        }
        None if case.is_in(State::CloseWait) && matches!(case.stuck, Some(Stuck::Spin(..))) => {
            "The end of file is there: the peer's FIN has come (CLOSE_WAIT), and every read returns \
             Ok(0) at once. That is not \"nothing yet\": there will never be more."
        }
        _ => return None,
    }
    .to_owned())
}

pub(super) fn takes_max_bytes_and_no_more(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    for line in ["hello", ""] {
        connection.peer.send(format!("{line}\n").as_bytes())?;
        let call = connection.call(AMPLE, line.len())?;
        call.returns(Ok(line), |_, _| None)?;
    }
    connection.peer.send(b"hello!\n")?;
    let call = connection.call(AMPLE, 5)?;
    call.returns(Err(ErrorKind::FileTooLarge), |_, _| None)
        .map(drop)
}

/// A line that never ends: how much of it is read must not be the peer's decision, whether it comes at
/// once or in pieces.
pub(super) fn refuses_a_line_before_its_newline(exam: &Exam, read: ReadLine) -> Verdict {
    refuses_after(b"", exam, read)?;
    refuses_after(b"ten bytes ", exam, read)
}

fn refuses_after(first: &[u8], exam: &Exam, read: ReadLine) -> Verdict {
    const MAX: usize = 16;
    let connection = Connection::new(exam, read)?;
    let rest = [b'x'; 1000];
    let all = first.len() + rest.len();
    if first.is_empty() {
        connection.queues(&rest)?;
    }
    let call = connection.call(AMPLE, MAX)?;
    if !first.is_empty() {
        connection.sends_a_piece(first)?;
        connection.peer.send(&rest)?;
    }
    call.returns(Err(ErrorKind::FileTooLarge), |got, case| {
        let recv_q = case.yours()?.row.recv_q;
        let waits = case.is_blocked_in(&[Call::Read, Call::Poll]);
        (got.is_none() && recv_q == 0 && waits).then(|| {
            format!(
                "All {all} bytes have been read (Recv-Q is 0), of a line that may have {MAX}, and its \
                 newline is still waited for. To compare the two when the line is complete limits \
                 nothing: a peer that sends no newline then decides how much memory is used. Compare \
                 them while you read."
            )
        })
    })?;
    let taken = all - connection.recv_q()?.min(all);
    exam.must(
        taken <= MAX + 1,
        format!("at most {} bytes to be taken: max, and one more", MAX + 1),
        format!("{taken} have been taken from the socket"),
    )
    .caused_by(
        "Byte 17 tells that the line is too long. Whoever reads with a larger buffer takes what the \
         call has no use for: let each read have room for what is missing of max + 1 bytes only.",
    )
}

pub(super) fn refuses_what_is_not_utf8(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.peer.send(b"caf\xe9 au lait\nnext\n")?;
    let call = connection.call(AMPLE, ENOUGH)?;
    call.returns(Err(ErrorKind::InvalidData), |got, _| match got {
        Some(Ok(_)) => Some(
            "The byte e9 is no UTF-8 (it is Latin-1's \"é\"), and it was made to look like text: \
             `from_utf8_lossy` puts a replacement character for it, `as char` a character that the peer \
             may not have meant. `String::from_utf8` tells."
                .to_owned(),
        ),
        _ => None,
    })?;
    let call = connection.call(AMPLE, ENOUGH)?;
    call.returns(Ok("next"), |got, case| {
        let gone = case.yours()?.row.recv_q == 0 && case.is_blocked_in(&[Call::Read, Call::Poll]);
        Some(match got {
            None if gone => {
                "The next line came together with the one that was refused, and is gone (Recv-Q is 0): \
                 the call before has taken it from the socket too."
            }
            None => return None,
            Some(Ok(line)) if line.trim() == "next" => return None,
            Some(_) => {
                "The line that was refused had not been taken from the socket to its end, newline \
                 included. Where a line ends its newline says, whatever stands before it: take all of it \
                 first, and look at the text then."
            }
        }
        .to_owned())
    })
    .map(drop)
}
