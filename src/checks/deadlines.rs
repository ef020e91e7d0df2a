//! Checks of exercise 4: a line by a deadline, and never more than it may be.

mod call;

use std::{
    io::{self, ErrorKind},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use self::call::{AMPLE, Connection, ENOUGH, Got, is_at_rest};
use super::Exercise;
use crate::{
    deadline::Deadline,
    exam::{Because, Case, Exam, LIMIT, Suite, Verdict, here},
    table::State,
};

/// Exercise 4.
pub const EXERCISE: Exercise = Exercise {
    number: 4,
    name: "deadlines",
    task: "read a line by a deadline, and never more than it may be",
    hints: [
        "A read timeout limits one call, and each byte that comes begins another. Note first when all of \
         it must be over, as an `Instant`; before each read compute what remains until then, and set \
         that. What does `set_read_timeout` say to nothing?",
        "What stands behind the newline is the next call's. `peek` shows what has come and takes \
         nothing; then `read_exact` takes as much of it as belongs to the line. Take what has come even \
         if there is no newline in it, or the next `peek` has nothing to wait for. Bytes become text \
         when they are all there.",
        "let left = deadline.saturating_duration_since(Instant::now()); if left.is_zero() { return \
         Err(ErrorKind::TimedOut.into()) } stream.set_read_timeout(Some(left))?; match \
         stream.peek(&mut buf[..room]) { Err(error) if matches!(error.kind(), WouldBlock | TimedOut | \
         Interrupted) => continue, … } where room is what is missing of max + 1 bytes.",
    ],
    checks: || SUITE.names(),
};

/// What exercise 4 is held to.
pub const SUITE: Suite<ReadLine> = Suite {
    exercise: EXERCISE.name,
    checks: &[
        (
            "takes the newline off, and nothing else",
            takes_the_newline_off,
        ),
        (
            "puts together what comes in pieces",
            puts_together_what_comes_in_pieces,
        ),
        (
            "leaves the next line in the socket",
            leaves_the_next_line_in_the_socket,
        ),
        ("times out in silence", times_out_in_silence),
        (
            "ends by the deadline although bytes go on coming",
            ends_although_bytes_go_on_coming,
        ),
        ("waits in the kernel", waits_in_the_kernel),
        ("reads on after a time-out", reads_on_after_a_time_out),
        ("goes on after a signal", goes_on_after_a_signal),
        (
            "takes neither an end of file nor a reset for a line",
            takes_no_end_for_a_line,
        ),
        (
            "takes a line of max bytes, and none of one more",
            takes_max_bytes_and_no_more,
        ),
        (
            "refuses a line before its newline comes",
            refuses_a_line_before_its_newline,
        ),
        (
            "refuses what is not UTF-8, and goes on behind it",
            refuses_what_is_not_utf8,
        ),
    ],
    cause: |_| None,
};

/// The student's function.
pub type ReadLine = fn(&TcpStream, Duration, usize) -> io::Result<String>;

/// A limit where time is the subject.
const SHORT: Duration = Duration::from_millis(300);

fn takes_the_newline_off(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    for line in ["hello", "", "  \ttwo words \r"] {
        connection.peer.send(format!("{line}\n").as_bytes())?;
        connection.reads(line)?;
    }
    Ok(())
}

fn puts_together_what_comes_in_pieces(exam: &Exam, read: ReadLine) -> Verdict {
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

fn leaves_the_next_line_in_the_socket(exam: &Exam, read: ReadLine) -> Verdict {
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

fn times_out_in_silence(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.call(SHORT, ENOUGH)?.times_out()?;
    connection.call(Duration::ZERO, ENOUGH)?.times_out()
}

/// Twice as long: longer than a busy machine makes the pauses between the bytes.
const LONGER: Duration = Duration::from_millis(600);

fn ends_although_bytes_go_on_coming(exam: &Exam, read: ReadLine) -> Verdict {
    let tries = Deadline::after(LIMIT);
    while drips(exam, read)? >= LONGER && !tries.passed() {
        exam.step("a pause was as long as the limit, for the machine is busy: once more");
    }
    Ok(())
}

/// A timeout for each read would never run out: the pauses are far shorter. Returns the longest.
fn drips(exam: &Exam, read: ReadLine) -> Verdict<Duration> {
    const PAUSE: Duration = Duration::from_millis(20);
    let connection = Connection::new(exam, read)?;
    let call = connection.call(LONGER, ENOUGH)?;
    exam.step(format!("sends a byte every {PAUSE:?}, and no newline"));
    let (begun, mut longest) = (Instant::now(), PAUSE);
    while begun.elapsed() < LIMIT && !call.answer.has_ended() {
        let sent = Instant::now();
        connection.peer.fill(b".")?;
        thread::sleep(PAUSE); // its length is the subject: a slow peer
        longest = longest.max(sent.elapsed());
    }
    call.is_over(&format!(
        "with a byte every {PAUSE:?} (the longest pause was {longest:.0?})"
    ))?;
    call.times_out().map(|()| longest)
}

/// Neither in a loop of non-blocking reads, nor in one of peeks that see the same bytes again.
fn waits_in_the_kernel(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let call = connection.call(AMPLE, ENOUGH)?;
    comes_to_rest(exam)?;
    connection.sends_a_piece(b"hel")?;
    comes_to_rest(exam)?;
    connection.peer.send(b"lo\n")?;
    call.returns(Ok("hello"), |_, _| None).map(drop)
}

fn reads_on_after_a_time_out(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.call(SHORT, ENOUGH)?.times_out()?;
    let left = exam.evidence().threads.len(); // of the answer's, which has returned
    connection.sends_a_piece(b"late\n")?; // whoever still reads shall have it
    let call = connection.call(AMPLE, ENOUGH)?;
    call.returns(Ok("late"), |_, case| {
        let recv_q = case.yours().map_or(0, |seen| seen.row.recv_q);
        let cause = if !case.is_in(State::Established) {
            "The first call has closed the connection, or shut it down. The stream is only lent: a call \
             that has given up leaves to its caller what is to become of it."
        } else if left > 0 && recv_q == 0 {
            "When the first call had returned, a thread that it had started was still there, and the \
             line is gone (Recv-Q is 0): it was that thread's read that took it. A wait for another \
             thread can be given up, but not the read that the other thread is blocked in."
        } else {
            return None;
        };
        Some(cause.to_owned())
    })
    .map(drop)
}

/// A read with a timeout that is interrupted ends with EINTR (signal(7)): no time-out, and no end.
fn goes_on_after_a_signal(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    let call = connection.call(AMPLE, ENOUGH)?;
    connection.sends_a_piece(b"hel")?;
    comes_to_rest(exam)?;
    call.answer.interrupt()?;
    exam.step("interrupted the system call in which your thread waited, by a signal");
    comes_to_rest(exam)?;
    connection.peer.send(b"lo\n")?;
    call.returns(Ok("hello"), |_, _| None).map(drop)
}

fn takes_no_end_for_a_line(exam: &Exam, read: ReadLine) -> Verdict {
    let connection = Connection::new(exam, read)?;
    connection.peer.send(b"whole\nha")?;
    connection.peer.half_close()?;
    connection.reads("whole")?;
    for _half_a_line_and_none in 0..2 {
        let call = connection.call(AMPLE, ENOUGH)?;
        call.returns(Err(ErrorKind::UnexpectedEof), end_of_file)?;
    }

    let connection = Connection::new(exam, read)?;
    let call = connection.call(AMPLE, ENOUGH)?;
    connection.sends_a_piece(b"ha")?;
    connection.peer.reset();
    call.returns(Err(ErrorKind::ConnectionReset), |got, case| {
        Some(match got {
            None if case.is_running() => {
                "The loop goes on after an error: each read fails again, or finds the end, for ever."
            }
            None => return None,
            Some(_) => {
                "`read` returned an error, ECONNRESET: the peer has thrown the connection away, which is \
                 neither an end of file nor a time-out. It is the caller's to know: return it as it is."
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
        Some(Ok(_)) => {
            "What stood before the end of file was taken for a line, but its newline never came: it may \
             be half of what the peer meant. `read_line` and `read_until` return Ok for it: look whether \
             it ends with a newline."
        }
        None if case.is_in(State::CloseWait) && case.yours()?.row.recv_q > 1 => {
            "The peer's FIN has come (CLOSE_WAIT), but in front of it bytes still stand in Recv-Q: a \
             `peek` shows them again and again, and never the end of file behind them. Take them."
        }
        None if case.is_in(State::CloseWait) => {
            "The end of file is there: the peer's FIN has come (CLOSE_WAIT), and every read returns \
             Ok(0) at once. That is not \"nothing yet\": there will never be more."
        }
        _ => return None,
    }
    .to_owned())
}

fn takes_max_bytes_and_no_more(exam: &Exam, read: ReadLine) -> Verdict {
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

/// A line that never ends: how much of it is read must not be the peer's decision.
fn refuses_a_line_before_its_newline(exam: &Exam, read: ReadLine) -> Verdict {
    const MAX: usize = 16;
    let connection = Connection::new(exam, read)?;
    let sent = [b'x'; 1000];
    connection.queues(&sent)?;
    let call = connection.call(AMPLE, MAX)?;
    call.returns(Err(ErrorKind::FileTooLarge), |got, case| {
        let recv_q = case.yours()?.row.recv_q;
        (got.is_none() && recv_q == 0 && !case.is_running()).then(|| {
            "All 1000 bytes have been read (Recv-Q is 0), of a line that may have 16, and still its \
             newline is waited for. What is compared with max only when the line is complete does not \
             limit it: a peer that sends no newline then decides how much memory is used."
                .to_owned()
        })
    })?;
    let taken = sent.len() - connection.recv_q()?.min(sent.len());
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

fn refuses_what_is_not_utf8(exam: &Exam, read: ReadLine) -> Verdict {
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
        let gone = case.yours()?.row.recv_q == 0 && !case.is_running();
        Some(match got {
            None if gone => {
                "The next line came together with the one that was refused, and is gone (Recv-Q is 0): \
                 the call before has taken it from the socket too."
            }
            None => return None,
            Some(_) => {
                "The line that was refused had not been taken from the socket to its end, newline included. \
             Where a line ends, its newline says, whatever stands before it: take all of it first, and \
             look at the text then."
            }
        }
        .to_owned())
    })
    .map(drop)
}

/// A thread that waits is blocked in a system call.
fn comes_to_rest(exam: &Exam) -> Verdict {
    const WATCHED: Duration = Duration::from_millis(1500); // a busy machine may let it wait to run
    let rests = || Ok(is_at_rest(exam).then_some(()));
    let rests = here("look at threads", Deadline::after(WATCHED).wait_for(rests))?;
    exam.must(
        rests.is_some(),
        "your thread to wait, while nothing comes",
        format!("it runs: at no moment in {WATCHED:?} was it blocked in a system call"),
    )
    .because(|case| {
        Some(
            match case.yours()?.row.recv_q {
                0 => {
                    "Nothing has come that could be read (Recv-Q is 0), and your thread keeps a processor \
                     busy with asking. A read of a blocking socket asks once and waits in the kernel; its \
                     limit is what remains until the deadline."
                }
                _ => {
                    "There are bytes in Recv-Q, so a `peek`, or a poll for something to read, returns at \
                     once, shows what it has shown before, and is called again. Take from the socket what \
                     belongs to the line; then the next call has something to wait for."
                }
            }
            .to_owned(),
        )
    })
}
