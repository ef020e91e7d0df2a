//! Checks of exercise 21: one thread that serves every client, whatever the others do.

mod cause;
mod ending;
mod serving;
mod slow;

use std::{io, net::TcpListener};

use socket_workshop::stop::Stop;

use self::serving::{Serving, answer_to};
use super::Exercise;
use crate::exam::{Because, Exam, Rule, Suite, Verdict, check};

/// Exercise 21.
pub const EXERCISE: Exercise = Exercise {
    number: 21,
    name: "servers",
    task: "one thread that serves any number of clients with poll",
    hints: [
        "No call on a socket may wait, because all clients would wait with it: set_nonblocking on \
         the listener and on each connection. The one call that waits is poll, for `stop`, the \
         listener and all connections at once. It returns for one client: what of another client \
         is unfinished by then, and where does your code keep it?",
        "A struct for each client: its stream, the part of a line that has come, the part of the \
         answers that is not sent yet, and whether its end of file has come. While answers are \
         left, poll for POLLOUT only, and do not read. Else poll for POLLIN. Remove a client at an \
         error, and when its end of file has come and nothing is left to send.",
        "let ready: Vec<bool> = fds.iter().map(|fd| fd.any() == Some(true)).collect(); if ready[0] \
         { return Ok(()); } let mut is_ready = ready[2..].iter(); clients.retain_mut(|client| \
         match is_ready.next() { Some(true) => client.goes_on().unwrap_or(false), _ => true }); \
         if ready[1] { accept one client, and push it }",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 21 is held to.
pub const SUITE: Suite<Serve> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "Send each line back as soon as its newline has arrived: the bytes before the newline \
             in reverse order, then the newline. Any other byte is part of a line.",
            &[
                check("sends each line back reversed", reverses_each_line),
                check("answers lines that arrive together", answers_lines_together),
                check(
                    "answers a line that arrives in pieces",
                    answers_a_line_in_pieces,
                ),
            ],
        ),
        Rule::core(
            "Serve all clients on the calling thread. A client that is silent, or has sent a part \
             of a line, delays no other client.",
            &[
                check(
                    "serves a client while others are silent",
                    serves_beside_silent_clients,
                ),
                check("keeps the lines of clients apart", keeps_lines_apart),
                check("serves many clients", serves_many_clients),
                check("starts no thread", starts_no_thread),
            ],
        ),
        Rule::core(
            "A client that does not read its answers delays no other client. When it reads again, \
             it gets all of them.",
            &[
                check(
                    "serves a client while another does not read",
                    slow::delays_no_other,
                ),
                check(
                    "closes without a wait for a client",
                    slow::closes_without_a_wait,
                ),
                check(
                    "sends everything when the client reads again",
                    slow::sends_everything,
                ),
            ],
        ),
        Rule::core(
            "When a client half-closes, send the answers that are left, then close its \
             connection. Bytes without a newline get no answer.",
            &[
                check(
                    "closes the connection at end of file",
                    ending::closes_at_end_of_file,
                ),
                check(
                    "sends the answers that are left",
                    ending::sends_what_is_left,
                ),
            ],
        ),
        Rule::core(
            "A reset ends the connection of that client only.",
            &[
                check("goes on after a reset", ending::goes_on_after_a_reset),
                check(
                    "goes on after a reset in the accept queue",
                    ending::goes_on_after_a_reset_in_the_queue,
                ),
            ],
        ),
        Rule::core(
            "When `stop` becomes readable, return Ok, even if clients are still connected.",
            &[check("returns at the stop", ending::returns_at_the_stop)],
        ),
        Rule::hardened(
            "While nothing can be done, wait in the kernel without a timeout: also while a client \
             does not read its answers, and when that client has half-closed.",
            &[
                check("waits without a timeout", waits_without_a_timeout),
                check(
                    "waits for a client that does not read",
                    slow::waits_for_room,
                ),
            ],
        ),
        Rule::hardened(
            "Hold at most 1 MiB for a client. If it does not read its answers, leave what it sends \
             in the kernel.",
            &[check("holds at most 1 MiB", slow::holds_a_mebibyte)],
        ),
        Rule::hardened(
            "Serve lines of up to 64 KiB, not counting the newline. Close the connection of a \
             client that sends a longer one, as soon as it is too long.",
            &[
                check("serves a line of 64 KiB", serves_a_long_line),
                check("closes at a longer line", closes_at_a_longer_line),
            ],
        ),
        Rule::hardened(
            "Continue after a signal.",
            &[check("continues after a signal", continues_after_a_signal)],
        ),
        Rule::hardened(
            "Close each connection when it is over, and leave no descriptor open when `serve` \
             returns.",
            &[
                check(
                    "closes connections that are over",
                    ending::closes_what_is_over,
                ),
                check("leaves no descriptor", ending::leaves_no_descriptor),
            ],
        ),
    ],
    cause: cause::diagnose,
};

/// The student's function.
pub type Serve = fn(TcpListener, Stop) -> io::Result<()>;

fn reverses_each_line(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin(exam, serve)?;
    let client = serving.client("client")?;
    for line in [
        &b"hello\n"[..],
        b"x\n",
        b"\n",
        b"a b\tc\n",
        b"hello again\n",
    ] {
        serving.answers(&client, line)?;
    }
    // No byte but the newline is special.
    let all: Vec<u8> = (0..=255).filter(|byte| *byte != b'\n').collect();
    serving.answers(&client, &[&all[..], b"\n"].concat())?;
    serving.answers(&client, "gr\u{fc}\u{df}e \u{6587}\n".as_bytes())?; // nor a letter of several
    serving.answers(&client, b"\r\r\n")?;
    serving.answers(&client, b"\0\0a\n")
}

fn answers_lines_together(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin(exam, serve)?;
    let client = serving.client("client")?;
    serving.answers(&client, b"one\ntwo\nthree\n")?;
    serving.answers(&client, b"\n\n\nfour\n")?;
    // The last one is incomplete.
    client.send(b"five\nsix\nsev")?;
    serving.receives(&client, b"evif\nxis\n")?;
    client.send(b"en\n")?;
    serving.receives(&client, b"neves\n")?;
    let many: Vec<u8> = (0..500)
        .flat_map(|n| format!("{n}\n").into_bytes())
        .collect();
    serving.answers(&client, &many)
}

fn answers_a_line_in_pieces(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin(exam, serve)?;
    let client = serving.client("client")?;
    for piece in ["a li", "ne", " in pieces"] {
        client.send(piece.as_bytes())?;
        exam.stays_at_rest()?; // it has read this before the next piece comes
        client
            .receives_no_more()
            .because(|_| Some(cause::ANSWERS_A_PART.to_owned()))?;
    }
    client.send(b"\n")?;
    serving.receives(&client, b"seceip ni enil a\n")?;
    // The newline comes together with lines that are shorter than what came before it.
    client.send(b"another line")?;
    exam.stays_at_rest()?;
    client.send(b"\nshort\n\nnext")?;
    serving.receives(&client, b"enil rehtona\ntrohs\n\n")?;
    client.send(b"\n")?;
    serving.receives(&client, b"txen\n")?;
    let long: Vec<u8> = (0..3000)
        .flat_map(|n| format!("{n} ").into_bytes())
        .collect();
    serving.answers(&client, &[&long[..], b"\n"].concat())
}

fn serves_beside_silent_clients(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin(exam, serve)?;
    let silent = serving.client("silent client")?;
    let second = serving.client("second client")?;
    serving.answers(&second, b"second\n")?;
    silent.send(b"a part of")?;
    exam.stays_at_rest()?;
    serving.answers(&second, b"again\n")?;
    let third = serving.client("third client")?;
    serving.answers(&third, b"third\n")?;
    silent.send(b" a line\n")?;
    serving.receives(&silent, b"enil a fo trap a\n")?;
    serving.answers(&second, b"once more\n")
}

fn keeps_lines_apart(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin(exam, serve)?;
    let first = serving.client("first client")?;
    let second = serving.client("second client")?;
    for (of_first, of_second) in [("on", "tw"), ("e and ", "o and "), ("on", "on\n")] {
        first.send(of_first.as_bytes())?;
        second.send(of_second.as_bytes())?;
        exam.stays_at_rest()?;
    }
    serving.receives(&second, b"no dna owt\n")?;
    first.send(b"\n")?;
    serving.receives(&first, b"no dna eno\n")
}

/// More than an array on the stack, or a pool of threads, usually has room for.
const MANY: usize = 300;

fn serves_many_clients(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin(exam, serve)?;
    let mut clients = Vec::new();
    for _ in 0..MANY {
        clients.push(serving.quiet_client()?);
    }
    exam.step(format!("connected {MANY} clients, which are silent"));
    let last = serving.client("last client")?;
    serving.answers(&last, b"last\n")?;
    // The oldest, one of the middle and the youngest.
    for n in [0, MANY / 2, MANY - 1] {
        let client = clients.remove(n.min(clients.len() - 1));
        serving.answers(
            &serving.named(client, &format!("client {}", n + 1)),
            b"me too\n",
        )?;
    }
    Ok(())
}

fn starts_no_thread(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin(exam, serve)?;
    let first = serving.client("first client")?;
    let second = serving.client("second client")?;
    serving.answers(&first, b"first\n")?;
    serving.answers(&second, b"second\n")?;
    exam.stays_at_rest()?;
    let threads = exam.evidence().threads.len();
    exam.must(
        threads == 1,
        "one thread: the one that has called `serve`",
        format!("{threads} threads"),
    )
    .caused_by(cause::STARTS_THREADS)
}

fn waits_without_a_timeout(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin(exam, serve)?;
    serving.rests("before a client connects")?;
    let first = serving.client("first client")?;
    serving.rests("while a client is silent")?;
    serving.answers(&first, b"first\n")?;
    first.send(b"a part")?;
    serving.rests("while a client has sent a part of a line")?;
    let second = serving.client("second client")?;
    serving.answers(&second, b"second\n")?;
    second.half_close()?;
    serving.ends(&second)?;
    serving.rests("when a client has ended")
}

/// The longest line, in bytes, without its newline.
const LONGEST: usize = 64 << 10;

/// A line of this length, without its newline.
fn long_line(length: usize) -> Vec<u8> {
    let bytes = (0..).flat_map(|n: usize| format!("{n} ").into_bytes());
    bytes.take(length).collect()
}

fn serves_a_long_line(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin(exam, serve)?;
    let client = serving.client("client")?;
    for length in [LONGEST - 1, LONGEST] {
        let line = [&long_line(length)[..], b"\n"].concat();
        client.send(&line)?;
        let answer = answer_to(&line);
        serving.receives_or(&client, &answer, |case| {
            cause::closes_at_a_long_line(case, length)
        })?;
    }
    serving.answers(&client, b"a short one\n")?;
    // The end of it comes in the same read as the next line.
    let lines = [&long_line(LONGEST)[..], b"\n", &long_line(5000), b"\n"].concat();
    client.send(&lines)?;
    serving.receives_or(&client, &answer_to(&lines), |case| {
        cause::closes_at_a_long_line(case, LONGEST)
    })
}

fn closes_at_a_longer_line(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin(exam, serve)?;
    let other = serving.client("other client")?;
    serving.answers(&other, b"other\n")?;
    let client = serving.client("client")?;
    serving.answers(&client, b"a short line\n")?;
    client.send(&long_line(LONGEST + 1))?;
    serving.closes(
        &client,
        "65537 bytes without a newline",
        cause::KEEPS_A_LONG_LINE,
    )?;
    serving.answers(&other, b"still here\n")?;
    // The end of the line comes in one read with its newline.
    let client = serving.client("second client")?;
    client.send(&[&long_line(LONGEST + 1), &b"\n"[..]].concat())?;
    client
        .receives_no_more()
        .because(|_| Some(cause::ANSWERS_A_LONG_LINE.to_owned()))?;
    serving.closes(&client, "a line of 65537 bytes", cause::SKIPS_A_LONG_LINE)
}

fn continues_after_a_signal(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin(exam, serve)?;
    let client = serving.client("client")?;
    serving.answers(&client, b"before\n")?;
    for _ in 0..3 {
        exam.stays_at_rest()?;
        exam.step("interrupted your thread with a signal (SIGINT)");
        serving.answer.interrupt()?;
        let goes_on = serving.answer.goes_on("a signal has interrupted it");
        goes_on.because(cause::ends_at_a_signal)?;
        serving.answers(&client, b"after it\n")?;
    }
    Ok(())
}
