//! Checks of exercise 3: every byte back, to the end of file.

use std::{io, net::TcpStream};

use socket2::SockRef;

use super::Exercise;
use crate::{
    deadline::Deadline,
    exam::{
        Answer, Awaited, Because, Call, Case, Doing, Exam, LIMIT, Peer, Suite, Unmet, Verdict,
        Whose, here,
    },
    table::State,
};

/// Exercise 3.
pub const EXERCISE: Exercise = Exercise {
    number: 3,
    name: "echo",
    task: "send every byte back, to the end of file",
    hints: [
        "`read` brings what has come, between 1 byte and a whole buffer, and says how much that is. \
         Write exactly that much back, then read again. What does `read` return when the client has \
         closed its sending half?",
        "Ok(0) is the end of file, and the only way out of the loop that is no error. `write` may take \
         less than it was given: `write_all` goes on until all is taken.",
        "loop { match stream.read(&mut buf)? { 0 => return Ok(total), n => { \
         stream.write_all(&buf[..n])?; total += n as u64 } } }",
    ],
    checks: || SUITE.names(),
};

/// What exercise 3 is held to.
pub const SUITE: Suite<Echo> = Suite {
    exercise: EXERCISE.name,
    checks: &[
        (
            "answers before it waits for more",
            answers_before_it_waits_for_more,
        ),
        (
            "sends back a byte when it comes",
            sends_back_a_byte_when_it_comes,
        ),
        (
            "sends back only what this read brought",
            sends_back_only_what_this_read_brought,
        ),
        ("takes bytes for bytes", takes_bytes_for_bytes),
        ("ends at end of file", ends_at_end_of_file),
        (
            "sends back what came before the end of file",
            sends_back_what_came_before_the_end,
        ),
        ("returns the number of bytes", returns_the_number_of_bytes),
        ("closes the connection", closes_the_connection),
        (
            "goes on after a write that took a part",
            goes_on_after_a_partial_write,
        ),
        ("takes a reset for an error", takes_a_reset_for_an_error),
    ],
    cause: likely,
};

/// The student's function.
pub type Echo = fn(TcpStream) -> io::Result<u64>;

/// A buffer that a few writes fill, in bytes.
const SMALL: usize = 16 << 10;

type Echoing<'e> = Answer<'e, io::Result<u64>>;

fn echoing(exam: &Exam, echo: Echo) -> Verdict<(Peer<'_>, Echoing<'_>)> {
    let (client, server) = exam.connection()?;
    Ok((client, exam.start("echo", move || echo(server))?))
}

fn answers_before_it_waits_for_more(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    for word in ["hello", "hello again"] {
        client.send(word.as_bytes())?;
        client.receives(word.as_bytes())?;
    }
    answer.goes_on("the client has not closed")
}

fn sends_back_a_byte_when_it_comes(exam: &Exam, echo: Echo) -> Verdict {
    let (client, _answer) = echoing(exam, echo)?;
    for byte in b"slow" {
        client.send(&[*byte])?;
        client.receives(&[*byte])?;
    }
    Ok(())
}

fn sends_back_only_what_this_read_brought(exam: &Exam, echo: Echo) -> Verdict {
    let (client, _answer) = echoing(exam, echo)?;
    for line in ["a long line first", "short"] {
        client.send(line.as_bytes())?;
        client.receives(line.as_bytes())?;
    }
    client.half_close()?;
    client.ends()
}

fn takes_bytes_for_bytes(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    for word in [&b"\r\n"[..], b"quit\n", b"\x04", b"\0"] {
        client.send(word)?;
        client.receives(word).because(gives_them_a_meaning)?;
    }
    let all: Vec<u8> = (0..=255).rev().collect();
    client.send(&all)?;
    client.half_close()?;
    client.receives(&all).because(takes_them_for_text)?;
    answer.succeeds("after bytes that are no text")?;
    Ok(())
}

fn gives_them_a_meaning(case: &Case) -> Option<String> {
    (!case.is_running() && !case.panicked).then(|| {
        "Nothing else is wrong with the connection: these bytes mean something to your code, an end of \
         line or of the conversation. To an echo no byte means anything."
            .to_owned()
    })
}

fn takes_them_for_text(case: &Case) -> Option<String> {
    let cause = match case.arrived.len() {
        0 if case.is_running() => return None,
        0 => {
            "Nothing came back of bytes that are no UTF-8: a `String`, `read_to_string`, `lines` and \
             `from_utf8` refuse them."
        }
        _ => {
            "Bytes were lost or changed on the way: `from_utf8_lossy` replaces what is no UTF-8, \
             `lines` eats the ends of lines, `trim` what looks like a space."
        }
    };
    Some(format!(
        "{cause} A stream carries bytes: keep them in a `[u8]`."
    ))
}

fn ends_at_end_of_file(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    client.send(b"hello")?;
    client.receives(b"hello")?;
    client.half_close()?;
    answer.succeeds("after the end of file")?;
    Ok(())
}

fn sends_back_what_came_before_the_end(exam: &Exam, echo: Echo) -> Verdict {
    let (client, server) = exam.connection()?;
    client.send(b"the last words")?;
    client.half_close()?;
    let answer = exam.start("echo", move || echo(server))?;
    client.receives(b"the last words").because(|case| {
        let lost = case.arrived.is_empty() && case.yours().is_none();
        lost.then(|| {
            "The bytes and the FIN behind them were there before `echo` began. End of file comes after \
             the data: read until Ok(0), and write what each read brought."
                .to_owned()
        })
    })?;
    client.ends()?;
    answer.succeeds("after the end of file")?;
    Ok(())
}

fn returns_the_number_of_bytes(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    for word in ["one", "three", "five more"] {
        client.send(word.as_bytes())?;
        client.receives(word.as_bytes())?;
    }
    client.half_close()?;
    let total = answer.succeeds("after the end of file")?;
    let expected = "`echo` to return 17: 3 + 5 + 9 bytes";
    exam.must(total == 17, expected, format!("it has returned {total}"))
        .caused_by(match total {
            3 => "3 is how many reads there were. What counts is what each of them returned.",
            9 => "9 is what the last read brought. Add up what each of them returned.",
            18 => "One too many: is the end of file counted?",
            _ => "Add up what each read returned, in a u64.",
        })
}

fn closes_the_connection(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    client.send(b"bye")?;
    client.receives(b"bye")?;
    client.half_close()?;
    answer.succeeds("after the end of file")?;
    client.ends()
}

/// A write that took only a part is what a busy server sees. Here a signal makes it happen: to a
/// write that is blocked in the middle, which then returns how much it had done (signal(7)).
fn goes_on_after_a_partial_write(exam: &Exam, echo: Echo) -> Verdict {
    let (client, server) = exam.connection()?;
    // Little room on the way back: a write is blocked soon, however little each one brings.
    let small = SockRef::from(&server).set_send_buffer_size(SMALL);
    here("set SO_SNDBUF", small)?;
    let small = SockRef::from(client.stream()).set_recv_buffer_size(SMALL);
    here("set SO_RCVBUF", small)?;
    let answer = exam.start("echo", move || echo(server))?;
    let sent: Vec<u8> = (0..1_u32 << 16) // each eight bytes are their own offset
        .flat_map(|i| format!("{:07} ", i * 8).into_bytes())
        .collect();
    let _pouring = client.pours(sent.clone())?;
    let mut pieces = sent.chunks(8000);
    // An answer that never waits in a write, or not soon, has none that could be cut short.
    for piece in pieces.by_ref().take(12) {
        let blocked = is_blocked_in_a_write(exam)?;
        if blocked {
            answer.interrupt()?;
            exam.step("interrupted your `write`: if it had taken a part, it returned how much");
        }
        client.receives(piece).because(parts_are_missing)?;
        if !blocked {
            break;
        }
    }
    for piece in pieces {
        client.receives(piece).because(parts_are_missing)?;
    }
    client.half_close()?;
    let total = answer.succeeds("after the end of file")?;
    let expected = format!("`echo` to return {}", sent.len());
    exam.must(
        total == sent.len() as u64,
        expected,
        format!("it has returned {total}"),
    )
    .caused_by("All bytes came back, but they were counted wrongly: add them up in a u64.")
}

fn parts_are_missing(case: &Case) -> Option<String> {
    let at = case
        .arrived
        .iter()
        .zip(&case.wanted)
        .take_while(|(a, b)| a == b)
        .count();
    let number = |bytes: &[u8]| {
        let word = bytes.get(at.next_multiple_of(8)..)?.get(..7)?;
        str::from_utf8(word).ok()?.parse::<u64>().ok()
    };
    // Each eight bytes are their own offset: it tells whether what comes is from further on.
    let skipped = number(&case.arrived).is_none_or(|came| Some(came) > number(&case.wanted));
    (!case.arrived.is_empty() && skipped).then(|| {
        "Bytes are missing in the middle: `write` returned how many it had taken, and the rest was \
         never written. `write_all` goes on until all are."
            .to_owned()
    })
}

/// Waits for that; false if it does not happen, for an answer may wait in other ways.
fn is_blocked_in_a_write(exam: &Exam) -> Verdict<bool> {
    let look = || {
        let threads = exam.evidence().threads;
        let writes = |doing: &Doing| {
            matches!(
                doing,
                Doing::Blocked {
                    call: Call::Write,
                    ..
                }
            )
        };
        let unknown = threads.iter().all(|doing| *doing == Doing::Unknown);
        Ok((unknown || threads.iter().any(writes)).then_some(unknown))
    };
    match Deadline::after(LIMIT / 2).wait_for(look) {
        Ok(Some(true)) => Err(Unmet::not_here(
            "the kernel does not tell where a thread is blocked",
        )),
        Ok(blocked) => Ok(blocked.is_some()),
        Err(_) => Ok(false),
    }
}

fn takes_a_reset_for_an_error(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    client.send(b"hello")?;
    client.receives(b"hello")?;
    client.reset();
    answer.fails("after a reset").because(loses_the_reset)?;

    let (client, answer) = echoing(exam, echo)?;
    client.reset();
    answer
        .fails("after a reset before any byte")
        .because(loses_the_reset)?;

    let (client, answer) = echoing(exam, echo)?;
    let pouring = client.pours(vec![b'x'; 8 << 20])?;
    let _ = is_blocked_in_a_write(exam)?;
    client.reset();
    drop(pouring); // the last handle
    answer
        .fails("after a reset while it was writing")
        .because(loses_the_reset)?;
    Ok(())
}

fn loses_the_reset(case: &Case) -> Option<String> {
    let cause = if case.is_running() {
        "The loop goes on after an error: each call fails again, at once, for ever."
    } else if case.panicked {
        "A reset is an error that a `read` or a `write` returns, and an `unwrap` makes a panic of it. It \
         is the caller's to know: return it with `?`."
    } else if case.is_blocked_in(&[Call::Lock]) {
        "The reset was met, but your code waits for another thread of yours, which does not come."
    } else {
        "`read` or `write` returned an error, and it was lost: `unwrap_or(0)` makes an end of file of it \
         that never was, `let _ =` nothing at all. It is the caller's to know: return it with `?`."
    };
    Some(cause.to_owned())
}

/// What an echo can do wrong in any check, by what the kernel shows.
fn likely(case: &Case) -> Option<String> {
    let yours = case.yours();
    let cause = if case.is_running() && case.is_in(State::CloseWait) {
        "`read` returned Ok(0): end of file. The loop took it for data and reads again, for ever."
    } else if !case.arrived.is_empty() && case.arrived.contains(&0) {
        "More came back than was sent: the whole buffer was written. `read` returns n, how many bytes \
         it has put there; behind them are zeros, or an earlier read's bytes. Write `&buf[..n]`."
    } else if !case.arrived.is_empty() && case.awaited != Awaited::Bytes {
        "More came back than was sent. Write what the read brought, `&buf[..n]`, and nothing else."
    } else if !case.arrived.is_empty() && !case.wanted.starts_with(&case.arrived) {
        "What came back is not what was sent. If there was more before it than was sent, the buffer was \
         written beyond what the read brought: write `&buf[..n]`. Otherwise your code changes the bytes."
    } else if case.awaited == Awaited::Bytes
        && case.is_blocked_in(&[Call::Read])
        && yours.is_some_and(|seen| seen.row.recv_q == 0)
    {
        "It has read what was sent (Recv-Q is 0), sent nothing back, and waits in another read. Either \
         it waits for more than has come (`read_to_end` and `read_to_string` wait for the end of file, \
         `read_exact` for a full buffer, `lines` for a newline), or the answer is still in a BufWriter: \
         flush before you wait."
    } else if let Some(Whose::Yours(fd)) = yours.map(|seen| seen.whose)
        && case.is_in(State::CloseWait)
        && case.evidence.threads.is_empty()
    {
        return Some(format!(
            "`echo` has returned, but descriptor {fd} is still open: CLOSE_WAIT is always the local \
             program's doing. A handle of the socket lives on, in a clone, in another thread, or \
             forgotten; the FIN is sent when the last of them is dropped, or by `shutdown`."
        ));
    } else if yours.is_none() && !case.panicked {
        "Your end has closed while the client's is open. A read that brings less than was asked for is \
         no end, and neither is one that brings little: only Ok(0) is."
    } else {
        return None;
    };
    Some(cause.to_owned())
}
