//! One connection: what the client reads, how long it is kept, and what is left of it.

use std::{
    fs,
    time::{Duration, Instant},
};

use socket_workshop::table::{End, Row, State};
use socket2::SockRef;

use super::{
    Functions, rows_become,
    server::{BUFFER, GREETING, Server, listening},
};

use crate::checks::{
    queue::{has_arrived, is_taken},
    returned::LOOPBACK,
};
use crate::exam::{
    Because, Case, CheckError, Exam, Owner, Peer, Verdict, descriptors,
    diagnosis::SPINS_AT_END_OF_FILE, numbered, or_skip, quote,
};

/// How long a client listens to an answer that waits with timeouts, which is the subject: long
/// enough to close, or to send more. The silence ends early if no thread has a timeout.
const SILENT_FOR: Duration = Duration::from_millis(1500);

/// How long a client does not read, at most: longer than the usual write timeouts.
const PAUSE: Duration = Duration::from_secs(31);

/// How much a client sends whose bytes are to be discarded.
const SENT: usize = 4 << 20;

/// Why a connection is closed too early, if nothing else is known.
const DROPPED: &str = "a stream is closed when it is dropped, at the end of its block";

/// Why it is closed after some bytes.
const BYTES: &str =
    "the end of a connection is Ok(0), not a read that returns few bytes or certain ones";

/// Why it is closed if there is nothing to send.
const EMPTY: &str =
    "an empty greeting is sent as soon as the write returns, and must not end the connection";

/// A server, and a client that has read the greeting.
fn greeted(exam: &Exam, answer: Functions) -> Verdict<(Server<'_>, Peer<'_>)> {
    let server = Server::start(exam, answer)?;
    let client = exam.dial(server.addr)?;
    server.greets(&client)?;
    Ok((server, client))
}

pub(super) fn sends_nothing_but_the_greeting(exam: &Exam, answer: Functions) -> Verdict {
    let (_server, client) = greeted(exam, answer)?;
    client.send(b"nice to meet you\n")?;
    client.send(b"quit\n")?;
    client.is_silent(SILENT_FOR).because(sends_more)?;
    client.half_close()?;
    client.receives_no_more().because(sends_more)
}

/// The client gets these bytes and no others.
pub(super) fn sends_the_greeting_as_it_is(exam: &Exam, (listen, serve): Functions) -> Verdict {
    let every_byte: Vec<u8> = (0..=255).collect();
    let in_white_space = [b"\r\n ", &every_byte[..], b"\0 \r\n\r\n"].concat();
    for greeting in [&in_white_space[..], b"welcome"] {
        let listener = listening(exam, listen, LOOPBACK, 8)?;
        let server = Server::on(exam, listener, serve, greeting)?;
        exam.step(format!(
            "started your `serve` with the greeting {}",
            quote(greeting)
        ));
        let client = exam.dial(server.addr)?;
        let addr = client.addr()?;
        let greeted = client.receives(greeting).because(|case| {
            let changed = !case.arrived.is_empty() && !case.wanted.starts_with(&case.arrived);
            (changed && !case.panicked).then(|| {
                "The greeting is bytes, and need not be text. `from_utf8_lossy` replaces what is \
                 not UTF-8, `trim` removes white space, and a C string ends at the first 0."
                    .to_owned()
            })
        });
        greeted.because(|case| server.why_not_greeted(case, addr))?;
        client.is_silent(SILENT_FOR).because(sends_more)?;
    }
    Ok(())
}

pub(super) fn keeps_a_silent_client(exam: &Exam, answer: Functions) -> Verdict {
    let (_server, client) = greeted(exam, answer)?;
    client
        .receives_nothing_for(SILENT_FOR)
        .because(|case| sends_more(case).or_else(|| closed_too_early(case, DROPPED)))
}

pub(super) fn keeps_a_client_without_a_greeting(
    exam: &Exam,
    (listen, serve): Functions,
) -> Verdict {
    let listener = listening(exam, listen, LOOPBACK, 8)?;
    let server = Server::on(exam, listener, serve, b"")?;
    exam.step("started your `serve` with an empty greeting");
    let client = exam.dial(server.addr)?;
    client
        .receives_nothing_for(SILENT_FOR)
        .because(|case| sends_more(case).or_else(|| closed_too_early(case, EMPTY)))
}

/// A client sends much. What the process keeps of it is anonymous memory.
pub(super) fn discards_what_a_client_sends(exam: &Exam, answer: Functions) -> Verdict {
    let (_server, client) = greeted(exam, answer)?;
    let server = or_skip("ask for an address", End::of(client.stream()))?.other();
    let piece = numbered(1 << 16);
    client.send(&piece)?;
    is_taken(exam, server)?; // what a reader needs once, such as a buffer, it has then
    let before = memory()?;
    for _ in 0..SENT >> 16 {
        client.send(&piece)?;
    }
    // The buffers may have had room for all of it. Whether the connection is still there shows when
    // the answer has read it, and more is sent.
    exam.comes_true(|| {
        let table = exam.table()?;
        let is_read = |row: &Row| row.recv_q == 0;
        Ok(has_arrived(&table, server) && table.find(server).is_none_or(is_read))
    })?;
    client.send(b"and a little more")?;
    is_taken(exam, server)?;
    let grown = memory()?.saturating_sub(before);
    exam.must(
        grown < SENT / 2,
        format!(
            "the server to discard {} MiB that its client sends",
            SENT >> 20
        ),
        format!("the memory of the process has grown by {grown} bytes"),
    )
    .caused_by(
        "Your code keeps what the client sends, so a client decides how much memory the server \
         uses. Read into one buffer of fixed size, or copy to `io::sink()`.",
    )
}

/// The anonymous memory of this process, in bytes (RssAnon in proc_pid_status(5)).
fn memory() -> Verdict<usize> {
    let status = or_skip(
        "read /proc/self/status",
        fs::read_to_string("/proc/self/status"),
    )?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok());
    let kib = kib.ok_or_else(|| CheckError::skipped("this kernel does not show RssAnon"))?;
    Ok(kib << 10)
}

pub(super) fn reads_and_keeps(exam: &Exam, answer: Functions) -> Verdict {
    let (server, client) = greeted(exam, answer)?;
    for word in [
        &b"nice to meet you"[..],
        b"\n",
        b"quit\r\n",
        b"\0",
        b"\x04",
        b"\xff\n",
    ] {
        client
            .send(word)
            .because(|case| closed_too_early(case, DROPPED))?;
        let end = server.end_for(client.addr()?);
        let unread = |rows: &[Row]| rows.iter().any(|row| row.end() == end && row.recv_q > 0);
        let read = rows_become(exam, |rows| !unread(rows))?;
        exam.comes_to_rest()?; // what it does about these bytes is done
        exam.must(
            exam.table()?
                .find(end)
                .is_some_and(|row| row.state == State::Established),
            "your end to stay open (ESTABLISHED) after these bytes",
            "your end has closed the connection",
        )
        .because(|case| closed_too_early(case, BYTES))?;
        exam.must(
            read,
            "the server to read what its client sends",
            "the bytes are still in Recv-Q",
        )
        .caused_by(
            "What a client sends stays in Recv-Q until your code reads it, and end of file comes \
             after it. Read, and discard the bytes, until Ok(0).",
        )?;
    }
    client
        .receives_nothing_for(SILENT_FOR)
        .because(|case| sends_more(case).or_else(|| closed_too_early(case, BYTES)))
}

pub(super) fn closes_at_the_end(exam: &Exam, answer: Functions) -> Verdict {
    let (_server, client) = greeted(exam, answer)?;
    let left = client.send(b"bye").and_then(|()| client.half_close());
    left.because(|case| closed_too_early(case, DROPPED))?;
    client.ends().because(sends_more).because(stays_open)
}

/// More than fits into the socket buffers at both ends, to a client that reads it.
pub(super) fn sends_a_long_greeting(exam: &Exam, answer: Functions) -> Verdict {
    let server = Server::with_a_long_greeting(exam, answer)?;
    let client = exam.dial(server.addr)?;
    server.greets(&client)?;
    client.half_close()?;
    client.ends().because(sends_more).because(stays_open)
}

/// The client pauses for longer than a short write timeout. An answer that waits without one is not
/// kept waiting.
pub(super) fn sends_the_rest_after_a_pause(exam: &Exam, answer: Functions) -> Verdict {
    let server = Server::with_a_long_greeting(exam, answer)?;
    let client = exam.dial(server.addr)?;
    let is_set = SockRef::from(client.stream()).set_recv_buffer_size(BUFFER);
    or_skip("set the size of a buffer", is_set)?;
    server.sends(&client, 0..GREETING.len())?;
    exam.step("reads no more");
    exam.comes_to_rest()?;
    let begun = Instant::now();
    exam.comes_true(|| Ok(begun.elapsed() > PAUSE))?;
    exam.step("reads again, after a pause");
    let addr = client.addr()?;
    client
        .receives(&server.greeting[GREETING.len()..])
        .because(|case| {
            let ended = case.yours().is_none() && case.wanted.starts_with(&case.arrived);
            (ended && !case.panicked).then(|| {
                "The client had paused, and your code has closed the connection before it had sent \
                 the whole greeting. A write timeout (SO_SNDTIMEO) says only that there was no \
                 room for a while. Wait until there is, and send the rest."
                    .to_owned()
            })
        })
        .because(|case| server.why_not_greeted(case, addr))?;
    client.half_close()?;
    client.ends().because(sends_more).because(stays_open)
}

pub(super) fn sends_it_all_after_a_half_close(exam: &Exam, answer: Functions) -> Verdict {
    let server = Server::with_a_long_greeting(exam, answer)?;
    let client = exam.dial(server.addr)?;
    let addr = client.addr()?;
    let is_set = SockRef::from(client.stream()).set_recv_buffer_size(BUFFER);
    or_skip("set the size of a buffer", is_set)?;
    client.half_close()?;
    exam.comes_to_rest()?; // what it does about the end of file is done
    client
        .receives(&server.greeting)
        .because(|case| {
            let is_cut = case.yours().is_none() && !case.panicked;
            is_cut.then(|| {
            "The client has closed its sending half only, and still reads. Your code closed the \
             connection at that end of file, before it had sent the whole greeting. Send the rest \
             first."
                .to_owned()
        })
        })
        .because(|case| server.why_not_greeted(case, addr))?;
    client.ends().because(sends_more).because(stays_open)
}

pub(super) fn leaves_nothing_after_end_of_file(exam: &Exam, answer: Functions) -> Verdict {
    leaves_nothing(exam, answer, "after end of file", |client| {
        client.half_close()?;
        client.ends().because(stays_open)
    })
}

pub(super) fn leaves_nothing_after_a_reset(exam: &Exam, answer: Functions) -> Verdict {
    leaves_nothing(exam, answer, "after a reset", |client| {
        client.reset();
        Ok(())
    })
}

/// Eight clients come and go: then the process has as many descriptors and threads as before.
fn leaves_nothing(
    exam: &Exam,
    answer: Functions,
    when: &str,
    leave: fn(Peer<'_>) -> Verdict,
) -> Verdict {
    let server = Server::start(exam, answer)?;
    let first = exam.dial(server.addr)?.named("first client");
    server.greets(&first)?; // what the answer needs once, it has now
    leave(first)?;
    let threads = || exam.evidence().threads.len();
    exam.comes_to_rest()?;
    let before = (threads(), descriptors()?);
    let mut clients = Vec::new();
    for _ in 0..8 {
        let client = exam.dial(server.addr)?;
        server.greets(&client)?;
        clients.push(client);
    }
    for client in clients {
        leave(client)?;
    }
    let closed = exam.comes_true(|| Ok(descriptors()? <= before.1))?;
    let left = descriptors()?.saturating_sub(before.1);
    exam.must(
        closed,
        format!("no descriptor of 8 connections to be left {when}"),
        format!("{left} descriptors are still open"),
    )
    .because(|case| {
        let cause = match case.panicked {
            true => return None,
            false => {
                "These connections have ended, and your process still has their descriptors: a \
                 handle is kept in a list or a clone, was passed to `mem::forget`, or belongs to a \
                 thread that has not ended. `shutdown` does not close a descriptor. Drop the \
                 stream on every path, also after an error: a server that leaks one descriptor per \
                 client eventually runs out."
            }
        };
        Some(cause.to_owned())
    })?;
    let ended = exam.comes_true(|| Ok(threads() <= before.0))?;
    let left = threads().saturating_sub(before.0);
    exam.must(
        ended,
        format!("no thread of 8 connections to be left {when}"),
        format!("{left} threads are still there"),
    )
    .caused_by(
        "These connections have ended, and threads that your code started for them are still \
         there. Let the function of such a thread return when its connection ends, also after an \
         error: a server that leaks one thread per client eventually runs out of memory.",
    )
}

fn sends_more(case: &Case) -> Option<String> {
    (!case.arrived.is_empty()).then(|| {
        "More came than the greeting. Send the greeting unchanged, without a newline of your own, \
         and nothing else: what the client sends is read and discarded."
            .to_owned()
    })
}

fn closed_too_early(case: &Case, why: &str) -> Option<String> {
    if case.is_in(State::FinWait1) || case.is_in(State::FinWait2) {
        return Some(
            "The client reads end of file, because your code has shut down its sending half \
             (`shutdown`). Keep both halves open until the client closes."
                .to_owned(),
        );
    }
    (case.yours().is_none() && !case.panicked).then(|| {
        format!(
            "Your end has closed the connection, and the client had not: {why}. Read until end of \
             file before you drop the stream."
        )
    })
}

/// The client has closed, and this end has not, or not with a FIN.
pub(super) fn stays_open(case: &Case) -> Option<String> {
    if case.yours().is_none() && !case.panicked {
        return Some(
            "Your end resets the connection (RST). That happens if a socket is closed with bytes \
             unread, or with SO_LINGER of 0 seconds. Read until Ok(0), and leave SO_LINGER off."
                .to_owned(),
        );
    }
    if let Some(cause) = SPINS_AT_END_OF_FILE.of(case) {
        return Some(cause);
    }
    let seen = case.yours()?;
    let Owner::Yours(fd) = seen.owner else {
        return None;
    };
    if seen.row.state != State::CloseWait || case.is_running() {
        return None;
    }
    let cause = if seen.row.recv_q > 0 {
        format!(
            "The client has closed (CLOSE_WAIT), but no thread reads from fd {fd}: Recv-Q counts \
             what is unread, and end of file comes after it. Read until Ok(0)."
        )
    } else {
        format!(
            "Your code has read end of file (Recv-Q is 0), but fd {fd} is still open, and so the \
             kernel sends no FIN. A handle of the socket is kept in a list, in a clone, or in a \
             thread that waits. The kernel sends the FIN when the last handle is dropped."
        )
    };
    Some(cause)
}
