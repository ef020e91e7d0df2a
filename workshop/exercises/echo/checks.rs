//! Checks of exercise 3: every byte back, to the end of file.

mod cause;
mod full;

use std::{io, net::TcpStream, time::Duration};

use super::Exercise;

use crate::exam::{Answer, Because, Call, Exam, Peer, Rule, Suite, Verdict, check, descriptors};

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
    rules: || SUITE.stated(),
};

/// What exercise 3 is held to.
pub const SUITE: Suite<Echo> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "answers before it waits for more",
                answers_before_it_waits_for_more,
            ),
            check(
                "sends back a byte when it comes",
                sends_back_a_byte_when_it_comes,
            ),
            check(
                "sends back only what this read brought",
                sends_back_only_what_this_read_brought,
            ),
            check("takes bytes for bytes", takes_bytes_for_bytes),
            check("ends at end of file", ends_at_end_of_file),
            check(
                "sends back what came before the end of file",
                sends_back_what_came_before_the_end,
            ),
            check("returns the number of bytes", returns_the_number_of_bytes),
            check("closes the connection", closes_the_connection),
            check(
                "goes on after a write that took a part",
                full::goes_on_after_a_partial_write,
            ),
            check("takes a reset for an error", takes_a_reset_for_an_error),
        ],
    )],
    cause: cause::likely,
};

/// The student's function.
pub type Echo = fn(TcpStream) -> io::Result<u64>;

/// How long a client has nothing to say: longer than many a read timeout. An answer that waits without
/// a timeout is not kept waiting so long.
const A_WHILE: Duration = Duration::from_millis(1500);

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
    client.hears_nothing_for(A_WHILE)?;
    client.send(b"er")?;
    client.receives(b"er")
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
    full::returns_when_all_is_written(exam, echo)
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
    let (client, server) = exam.connection()?;
    let open = descriptors()?;
    let answer = exam.start("echo", move || echo(server))?;
    client.send(b"bye")?;
    client.receives(b"bye")?;
    client.half_close()?;
    answer.succeeds("after the end of file")?;
    client.ends()?;
    exam.must(
        exam.comes_true(|| Ok(descriptors()? < open))?,
        "the descriptor of the connection to be closed",
        "end of file at the client, but no descriptor less",
    )
    .caused_by(
        "`shutdown` ends the connection, and leaves the descriptor open: that takes a drop of the \
         stream, which `mem::forget`, a clone and a thread that goes on can prevent. A server that loses \
         one with each client has none left some day.",
    )
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

    let (client, server) = full::with_little_room_on_the_way_back(exam)?;
    let answer = exam.start("echo", move || echo(server))?;
    let pouring = client.pours(vec![b'x'; 1 << 20])?;
    let _ = exam.waits_in(Call::Write)?;
    client.reset();
    drop(pouring); // the last handle
    answer
        .fails("after a reset while it was writing")
        .because(cause::loses_the_reset)?;
    Ok(())
}
