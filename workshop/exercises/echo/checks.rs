//! Checks of exercise 3: every byte back, to the end of file.

mod cause;
mod full;

use std::{
    io::{self, ErrorKind},
    net::TcpStream,
    time::Duration,
};

use socket_workshop::table::{End, State, Table};

use super::{Exercise, more};

use crate::exam::{
    Because, Call, CheckError, Exam, Peer, Rule, Running, Suite, Verdict, check, descriptors,
    diagnosis::{
        Diagnosis, LEAKED_HANDLE, LOSES_THE_ERROR, PANICS_ON_AN_ERROR, RETRIES_A_FATAL_ERROR,
        WAITS_FOR_ITS_THREAD,
    },
    numbered, or_skip,
};

/// Exercise 3.
pub const EXERCISE: Exercise = Exercise {
    number: 3,
    name: "echo",
    task: "send every byte back, to the end of file",
    hints: [
        "`read` returns n, the number of bytes that have arrived: at least 1, at most a whole \
         buffer. Write exactly those n bytes back, then read again. What does `read` return when \
         the client has closed its sending half?",
        "Ok(0) is end of file. It is the only way out of the loop that is not an error. `write` \
         may take only a part of what you give it; `write_all` sends the rest too.",
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
            "Echo what has arrived before you wait for more. A client may send one byte and wait \
             for it.",
            &[
                check(
                    "echoes each message before it waits for more",
                    echoes_each_message,
                ),
                check("echoes a single byte", echoes_a_single_byte),
                check(
                    "echoes a message that fills a buffer",
                    echoes_a_message_that_fills_a_buffer,
                ),
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
                check(
                    "keeps a client that does not read",
                    full::keeps_a_client_that_does_not_read,
                ),
                check("echoes more than a mebibyte", echoes_more_than_a_mebibyte),
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
            &[
                check(
                    "closes the descriptor at end of file",
                    closes_the_descriptor_at_end_of_file,
                ),
                check(
                    "closes the descriptor after a reset",
                    closes_the_descriptor_after_a_reset,
                ),
            ],
        ),
    ],
    cause: cause::diagnose,
};

/// The student's function.
pub type Echo = fn(TcpStream) -> io::Result<u64>;

/// How long a client is silent at most: longer than the usual read timeouts, of which 30 s is the
/// longest. An answer that waits without a timeout is not kept waiting.
const SILENCE: Duration = Duration::from_secs(31);

/// The sizes of usual buffers. A read of such a message fills the buffer, and no byte follows it.
const BUFFERS: [usize; 12] = [
    256, 512, 1000, 1024, 1500, 2000, 2048, 4000, 4096, 8192, 16_384, 32_768,
];

/// More than a mebibyte, in bytes.
const LONG: usize = (1 << 20) + (64 << 10);

type Echoing<'e> = Running<'e, io::Result<u64>>;

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

/// The client, which has closed its sending half, reads end of file.
fn ends(client: &Peer) -> Verdict {
    client.ends().because(cause::resets_at_the_end)
}

/// What `echo` returns once the client has closed its sending half.
fn succeeds(answer: &Echoing, when: &str) -> Verdict<u64> {
    answer
        .succeeds(when)
        .because(cause::end_of_file_is_an_error)
}

fn echoes_each_message(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    in_turn(&client, &[b"hello", b"hello again"])?;
    answer.goes_on("the client has not closed")
}

fn echoes_a_single_byte(exam: &Exam, echo: Echo) -> Verdict {
    let (client, _answer) = echoing(exam, echo)?;
    client.send(b"s")?;
    more::must_not_be_awaited(exam, &client)?;
    client.receives(b"s")?;
    in_turn(&client, &[b"l", b"o", b"w"])
}

fn echoes_a_message_that_fills_a_buffer(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    in_turn(&client, &[b"hello"])?;
    for size in BUFFERS {
        let message = &numbered(size)[..size];
        client.send(message)?;
        client
            .receives(message)
            .because(cause::waits_after_a_full_read)?;
    }
    answer.goes_on("the client has not closed")
}

fn echoes_only_the_last_read(exam: &Exam, echo: Echo) -> Verdict {
    let (client, _answer) = echoing(exam, echo)?;
    in_turn(&client, &[b"a long line first", b"short"])?;
    client.receives_no_more()
}

fn treats_no_byte_as_special(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    in_turn(&client, &[b"one", b"two"])?;
    for word in [&b"\r\n"[..], b"\n", b"quit\n", b"exit\r\n", b"."] {
        client.send(word)?;
        client
            .receives(word)
            .because(cause::gives_a_byte_a_meaning)
            .because(cause::keeps_a_byte_back)?;
    }
    // End of text, end of transmission, end of a file of DOS; then pieces of letters in UTF-8.
    for byte in [0, 0x03, 0x04, 0x1a, 0x1b, 0x7f, 0x80, 0xc3, 0xe2, 0xff] {
        client.send(&[byte])?;
        client
            .receives(&[byte])
            .because(cause::gives_a_byte_a_meaning)
            .because(|case| cause::expects_letters(byte, case))
            .because(cause::keeps_a_byte_back)?;
    }
    let all: Vec<u8> = (0..=255).rev().collect();
    client.send(&all)?;
    client.half_close()?;
    client.receives(&all).because(cause::expects_text)?;
    succeeds(&answer, "after bytes that are not text")?;
    Ok(())
}

fn keeps_a_silent_client(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    client.is_silent(Duration::from_secs(2))?;
    in_turn(&client, &[b"first"])?;
    client.is_silent(SILENCE)?;
    in_turn(&client, &[b"second"])?;
    answer.goes_on("the client was silent, and has not closed")
}

fn echoes_more_than_a_mebibyte(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    let sent = numbered(LONG);
    let _pouring = client.pours(sent.clone())?;
    client.receives(&sent).because(cause::stops_at_a_limit)?;
    answer.goes_on("the client has not closed")
}

fn returns_at_end_of_file(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    in_turn(&client, &[b"hello"])?;
    client.half_close()?;
    succeeds(&answer, "after end of file")?;

    // Several times: what an answer does after its FIN may depend on whether the ACK has arrived.
    for _connection in 0..4 {
        let (client, answer) = echoing(exam, echo)?;
        client.half_close()?;
        let total = succeeds(&answer, "after end of file without any byte")?;
        exam.must(
            total == 0,
            "`echo` to return 0",
            format!("it has returned {total}"),
        )
        .caused_by("Nothing came before end of file, so there is nothing to count: start at 0.")?;
    }
    Ok(())
}

fn echoes_what_arrived_before_the_end(exam: &Exam, echo: Echo) -> Verdict {
    // A few bytes, and more than the usual buffers hold.
    for last_words in [&b"the last words"[..], &numbered(full::LITTLE)] {
        let (client, server) = exam.connection()?;
        let end = or_skip("read an address", End::of(&server))?;
        client.send(last_words)?;
        client.half_close()?;
        let is_there =
            |table: &Table| table.find(end).map(|row| row.state) == Some(State::CloseWait);
        exam.table_shows(|table| is_there(table).then_some(()))?
            .ok_or_else(|| CheckError::skipped("a FIN does not arrive here"))?;
        let answer = exam.start("echo", move || echo(server))?;
        client
            .receives(last_words)
            .because(cause::loses_the_last_words)?;
        ends(&client)?;
        succeeds(&answer, "after end of file")?;
    }
    full::returns_when_all_is_written(exam, echo)
}

fn returns_the_number_of_bytes(exam: &Exam, echo: Echo) -> Verdict {
    let (client, answer) = echoing(exam, echo)?;
    in_turn(&client, &[b"one", b"three", b"five more"])?;
    client.half_close()?;
    let total = succeeds(&answer, "after end of file")?;
    let expected = "`echo` to return 17: 3 + 5 + 9 bytes";
    exam.must(total == 17, expected, format!("it has returned {total}"))
        .caused_by(match total {
            3 => "3 is the number of reads. Add up the bytes that each of them returned.",
            9 => "9 is what the last read returned. Add up what all of them returned.",
            18 => "One too many: does your code count end of file?",
            _ => "Add up what each read returned, in a u64.",
        })?;

    let (client, answer) = echoing(exam, echo)?;
    let many = numbered(70_000);
    for message in many.chunks(10_000) {
        in_turn(&client, &[message])?;
    }
    client.half_close()?;
    let total = succeeds(&answer, "after end of file")?;
    let expected = "`echo` to return 70000";
    exam.must(
        total == 70_000,
        expected,
        format!("it has returned {total}"),
    )
    .caused_by(match total {
        4464 => "4464 is 70000 - 65536: a u16 has overflowed. Count in a u64.",
        _ => "Add up what each read returned, in a u64.",
    })
}

fn closes_the_descriptor_at_end_of_file(exam: &Exam, echo: Echo) -> Verdict {
    for words in [&[&b"bye"[..]][..], &[]] {
        let before = descriptors()?;
        let (client, answer) = echoing(exam, echo)?;
        in_turn(&client, words)?;
        client.half_close()?;
        succeeds(&answer, "after end of file")?;
        ends(&client)?;
        is_closed(exam, before + 1, "at end of file")?; // the exam's end is still open
    }
    Ok(())
}

fn closes_the_descriptor_after_a_reset(exam: &Exam, echo: Echo) -> Verdict {
    let before = descriptors()?;
    let (client, answer) = echoing(exam, echo)?;
    in_turn(&client, &[b"bye"])?;
    client.reset();
    answer.returns("after a reset")?.ok();
    is_closed(exam, before, "after a reset")?;

    let before = descriptors()?;
    let (client, server) = full::with_little_room_on_the_way_back(exam)?;
    let answer = exam.start("echo", move || echo(server))?;
    let pouring = client.pours(numbered(1 << 20))?;
    let _ = exam.waits_in(Call::Write)?;
    client.reset();
    drop(pouring);
    answer.returns("after a reset while it was writing")?.ok();
    is_closed(exam, before, "after a reset while it was writing")
}

/// No more descriptors are open than these.
fn is_closed(exam: &Exam, open: usize, when: &str) -> Verdict {
    exam.must(
        exam.comes_true(|| Ok(descriptors()? <= open))?,
        format!("the descriptor of the connection to be closed {when}"),
        "the function has returned, and the descriptor is still open",
    )
    .diagnose(&[LEAKED_HANDLE])
    .caused_by(
        "The function has returned, and a descriptor of the connection is still open. A descriptor \
         is closed when the stream is dropped; `shutdown` leaves it open. `mem::forget`, \
         `into_raw_fd`, a clone or a thread that still runs prevents that. A server that leaks one \
         descriptor per client eventually runs out.",
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
    returns_its_error(exam, &answer, "after a reset")?;

    let (client, answer) = echoing(exam, echo)?;
    client.reset();
    returns_its_error(exam, &answer, "after a reset before any byte")?;

    let (client, server) = exam.connection()?;
    let end = or_skip("read an address", End::of(&server))?;
    client.reset();
    if exam
        .table_shows(|table| table.find(end).is_none().then_some(()))?
        .is_none()
    {
        return Err(CheckError::skipped("a reset is not seen by the other end"));
    }
    let answer = exam.start("echo", move || echo(server))?;
    returns_its_error(exam, &answer, "after a reset before the call")?;

    // The kernel reports a reset once. If two threads use the connection, either may get it.
    for _ in 0..3 {
        let (client, server) = full::with_little_room_on_the_way_back(exam)?;
        let answer = exam.start("echo", move || echo(server))?;
        let pouring = client.pours(numbered(1 << 20))?;
        let _ = exam.waits_in(Call::Write)?;
        client.reset();
        drop(pouring); // the last handle
        returns_its_error(exam, &answer, "after a reset while it was writing")?;
    }

    // In CLOSE_WAIT the kernel reports a reset as EPIPE.
    let (client, server) = full::with_less_room_and_a_fin(exam)?;
    let answer = exam.start("echo", move || echo(server))?;
    let waits = exam.waits_in(Call::Write)?;
    if !waits && answer.has_ended() {
        let sent = answer.returns("at end of file").ok().and_then(Result::ok);
        if sent == Some(full::LITTLE as u64) {
            return Err(CheckError::skipped("the kernel has room for 40 KiB"));
        }
        answer
            .goes_on("40 KiB have arrived, and the client has read nothing yet")
            .because(|_| cause::echoes_less(sent, full::LITTLE))?;
    }
    client.reset();
    returns_its_error(
        exam,
        &answer,
        "after a reset that followed the client's FIN",
    )
}

/// The error that `read` or `write` has returned, and not another in its place.
fn returns_its_error(exam: &Exam, answer: &Echoing, when: &str) -> Verdict {
    let error = answer
        .fails(when)
        .because(cause::asks_for_the_address)
        .diagnose(&NO_ERROR)?;
    exam.must(
        matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ),
        format!("`echo` to return ConnectionReset or BrokenPipe {when}"),
        format!("it has returned an error: {error} ({:?})", error.kind()),
    )
    .caused_by(
        "Your code replaces the error that `read` or `write` returned. The caller decides by its \
         kind what to do. Return the error itself: `?` does.",
    )
}
