//! Checks of exercise 3: every byte back, to the end of file.

mod cause;

use std::{io, net::TcpStream};

use socket2::SockRef;

use super::Exercise;
use crate::{
    deadline::Deadline,
    exam::{Answer, Because, Call, Doing, Exam, LIMIT, Peer, Suite, Unmet, Verdict, here},
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
    cause: cause::likely,
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
    for word in [b"one", b"two"] {
        client.send(word)?;
        client.receives(word)?;
    }
    for word in [&b"\r\n"[..], b"quit\n", b"\x04", b"\0"] {
        client.send(word)?;
        client.receives(word).because(cause::gives_them_a_meaning)?;
    }
    let all: Vec<u8> = (0..=255).rev().collect();
    client.send(&all)?;
    client.half_close()?;
    client.receives(&all).because(cause::takes_them_for_text)?;
    answer.succeeds("after bytes that are no text")?;
    Ok(())
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
        client.receives(piece).because(cause::parts_are_missing)?;
        if !blocked {
            break;
        }
    }
    for piece in pieces {
        client.receives(piece).because(cause::parts_are_missing)?;
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
    answer
        .fails("after a reset")
        .because(cause::loses_the_reset)?;

    let (client, answer) = echoing(exam, echo)?;
    client.reset();
    answer
        .fails("after a reset before any byte")
        .because(cause::loses_the_reset)?;

    let (client, answer) = echoing(exam, echo)?;
    let pouring = client.pours(vec![b'x'; 8 << 20])?;
    let _ = is_blocked_in_a_write(exam)?;
    client.reset();
    drop(pouring); // the last handle
    answer
        .fails("after a reset while it was writing")
        .because(cause::loses_the_reset)?;
    Ok(())
}
