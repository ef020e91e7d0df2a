//! Checks of exercise 3: every byte back, to the end of file.

mod cause;
mod full;

use std::{io, net::TcpStream, time::Duration};

use super::Exercise;

use crate::exam::{
    Answer, Because, Call, Exam, Peer, Rule, Suite, Verdict, check, descriptors,
    diagnosis::{
        Diagnosis, LEAKED_HANDLE, LOSES_THE_ERROR, PANICS_ON_AN_ERROR, RETRIES_A_FATAL_ERROR,
        WAITS_FOR_ITS_THREAD,
    },
};

/// Exercise 3.
pub const EXERCISE: Exercise = Exercise {
    number: 3,
    name: "echo",
    task: "send every byte back, to the end of file",
    hints: [
        "`read` returns n, the number of bytes that have arrived: at least 1, at most a whole buffer. \
         Write exactly those n bytes back, then read again. What does `read` return when the client has \
         closed its sending half?",
        "Ok(0) is end of file. It is the only way out of the loop that is not an error. `write` may take \
         only a part of what you give it; `write_all` sends the rest too.",
        "loop { match stream.read(&mut buf)? { 0 => return Ok(total), n => { \
         stream.write_all(&buf[..n])?; total += n as u64 } } }",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 3 is held to.
pub const SUITE: Suite<Echo> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "Echo what has arrived before you wait for more. A client may send one byte and wait for it.",
            &[
                check(
                    "echoes each message before it waits for more",
                    echoes_each_message,
                ),
                check("echoes a single byte", echoes_a_single_byte),
            ],
        ),
        Rule::core(
            "Echo bytes exactly as they are. No byte is special, and the bytes need not be text.",
            &[
                check(
                    "echoes only what the last read returned",
                    echoes_only_the_last_read,
                ),
                check("treats no byte as special", treats_no_byte_as_special),
            ],
        ),
        Rule::core(
            "Stop at end of file only. A silent client is still connected.",
            &[
                check("keeps a silent client", keeps_a_silent_client),
                check("returns at end of file", returns_at_end_of_file),
            ],
        ),
        Rule::core(
            "Echo everything that arrived before end of file, then return the number of bytes.",
            &[
                check(
                    "echoes what arrived before end of file",
                    echoes_what_arrived_before_the_end,
                ),
                check("returns the number of bytes", returns_the_number_of_bytes),
            ],
        ),
        Rule::hardened(
            "If the kernel takes only part of a write, send the rest.",
            &[check(
                "sends the rest after a partial write",
                full::sends_the_rest,
            )],
        ),
        Rule::hardened(
            "When the connection is reset, return the error. Do not panic.",
            &[check(
                "returns the error of a reset",
                returns_the_error_of_a_reset,
            )],
        ),
        Rule::hardened(
            "Close the descriptor on every path out of the function.",
            &[check(
                "closes the descriptor on every path",
                closes_the_descriptor,
            )],
        ),
    ],
    cause: cause::diagnose,
};

/// The student's function.
pub type Echo = fn(TcpStream) -> io::Result<u64>;

/// How long a client is silent: longer than the usual read timeouts. The exam ends the silence early when
/// it is proven that the answer waits without a timeout.
const SILENCE: Duration = Duration::from_millis(1500);

type Echoing<'e> = Answer<'e, io::Result<u64>>;

fn echoing(exam: &Exam, echo: Echo) -> Verdict<(Peer<'_>, Echoing<'_>)> {
    let (client, server) = exam.connection()?;
    Ok((client, exam.start("echo", move || echo(server))?))
}

/// The client sends each word and reads it back before it sends the next.
fn in_turn(client: &Peer, words: &[&[u8]]) -> Verdict {
    for word in words {
        client.send(word)?;
        client.receives(word)?;
    }
    Ok(())
}

fn echoes_each_message(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    in_turn(&client, &[b"hello", b"hello again"])?;
    answer.goes_on("the client has not closed")
}

fn echoes_a_single_byte(exam: &Exam, echo: Echo) -> Verdict {
    let (client, _answer) = echoing(exam, echo)?;
    in_turn(&client, &[b"s", b"l", b"o", b"w"])
}

fn echoes_only_the_last_read(exam: &Exam, echo: Echo) -> Verdict {
    let (client, _answer) = echoing(exam, echo)?;
    in_turn(&client, &[b"a long line first", b"short"])?;
    client.half_close()?;
    client.ends()
}

fn treats_no_byte_as_special(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    in_turn(&client, &[b"one", b"two"])?;
    for word in [&b"\r\n"[..], b"quit\n", b"\x04", b"\0"] {
        client.send(word)?;
        client
            .receives(word)
            .because(cause::gives_a_byte_a_meaning)?;
    }
    let all: Vec<u8> = (0..=255).rev().collect();
    client.send(&all)?;
    client.half_close()?;
    client.receives(&all).because(cause::expects_text)?;
    answer.succeeds("after bytes that are not text")?;
    Ok(())
}

fn keeps_a_silent_client(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    client.hears_nothing_for(SILENCE)?;
    in_turn(&client, &[b"first"])?;
    client.hears_nothing_for(SILENCE)?;
    in_turn(&client, &[b"second"])?;
    answer.goes_on("the client was silent, and has not closed")
}

fn returns_at_end_of_file(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    in_turn(&client, &[b"hello"])?;
    client.half_close()?;
    answer.succeeds("after end of file")?;

    let (client, answer) = echoing(exam, echo)?;
    client.half_close()?;
    let total = answer.succeeds("after end of file without any byte")?;
    exam.must(
        total == 0,
        "`echo` to return 0",
        format!("it has returned {total}"),
    )
    .caused_by("Nothing came before end of file, so there is nothing to count: start at 0.")
}

fn echoes_what_arrived_before_the_end(exam: &Exam, echo: Echo) -> Verdict {
    let (client, server) = exam.connection()?;
    client.send(b"the last words")?;
    client.half_close()?;
    let answer = exam.start("echo", move || echo(server))?;
    client.receives(b"the last words").because(|case| {
        let lost = case.arrived.is_empty() && case.yours().is_none();
        lost.then(|| {
            "The bytes and the FIN after them were there before `echo` began. End of file comes after the \
             data: read until Ok(0), and write what each read returned."
                .to_owned()
        })
    })?;
    client.ends()?;
    answer.succeeds("after end of file")?;
    full::returns_when_all_is_written(exam, echo)
}

fn returns_the_number_of_bytes(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    in_turn(&client, &[b"one", b"three", b"five more"])?;
    client.half_close()?;
    let total = answer.succeeds("after end of file")?;
    let expected = "`echo` to return 17: 3 + 5 + 9 bytes";
    exam.must(total == 17, expected, format!("it has returned {total}"))
        .caused_by(match total {
            3 => "3 is the number of reads. Add up the bytes that each of them returned.",
            9 => "9 is what the last read returned. Add up what all of them returned.",
            18 => "One too many: does your code count end of file?",
            _ => "Add up what each read returned, in a u64.",
        })
}

fn closes_the_descriptor(exam: &Exam, echo: Echo) -> Verdict {
    let (client, server) = exam.connection()?;
    let open = descriptors()?;
    let answer = exam.start("echo", move || echo(server))?;
    in_turn(&client, &[b"bye"])?;
    client.half_close()?;
    answer.succeeds("after end of file")?;
    client.ends()?;
    is_closed(exam, open, "after end of file")?;

    let (client, server) = exam.connection()?;
    let open = descriptors()?;
    let answer = exam.start("echo", move || echo(server))?;
    in_turn(&client, &[b"bye"])?;
    client.reset();
    answer.returns("after a reset")?.ok();
    is_closed(exam, open - 1, "after a reset") // the exam's own end is closed too
}

/// Fewer descriptors are open than before the function had the stream.
fn is_closed(exam: &Exam, open: usize, when: &str) -> Verdict {
    exam.must(
        exam.comes_true(|| Ok(descriptors()? < open))?,
        format!("the descriptor of the connection to be closed {when}"),
        "the function has returned, and the descriptor is still open",
    )
    .diagnose(&[LEAKED_HANDLE])
    .caused_by(
        "`shutdown` ends the connection and leaves the descriptor open. A descriptor is closed when the \
         stream is dropped; `mem::forget`, a clone or a thread that still runs prevents that. A server \
         that leaks one descriptor per client eventually runs out.",
    )
}

/// What an answer does that returns no error after a reset.
const NO_ERROR: [Diagnosis; 4] = [
    PANICS_ON_AN_ERROR,
    LOSES_THE_ERROR,
    RETRIES_A_FATAL_ERROR,
    WAITS_FOR_ITS_THREAD,
];

fn returns_the_error_of_a_reset(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    in_turn(&client, &[b"hello"])?;
    client.reset();
    answer.fails("after a reset").diagnose(&NO_ERROR)?;

    let (client, answer) = echoing(exam, echo)?;
    client.reset();
    answer
        .fails("after a reset before any byte")
        .diagnose(&NO_ERROR)?;

    let (client, server) = full::with_little_room_on_the_way_back(exam)?;
    let answer = exam.start("echo", move || echo(server))?;
    let pouring = client.pours(vec![b'x'; 1 << 20])?;
    let _ = exam.waits_in(Call::Write)?;
    client.reset();
    drop(pouring); // the last handle
    answer
        .fails("after a reset while it was writing")
        .diagnose(&NO_ERROR)?;
    Ok(())
}
