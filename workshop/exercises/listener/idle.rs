//! A server with nothing to do: it waits for the next client and for the next bytes, in the kernel.

use socket_workshop::{
    table::State,
    threads::{self, Thread},
};

use super::{Functions, processor, server::Server};

use crate::exam::{Because, Call, Doing, Exam, Peer, Verdict, or_skip};

/// How many looks in a row must find a thread asleep, and none in a call that an event ends.
const ASLEEP: u32 = 3;

/// How many looks at threads are taken, one right after the other.
const LOOKS: u32 = 50;

pub(super) fn waits_without_spinning(exam: &Exam, answer: Functions) -> Verdict {
    let server = Server::start(exam, answer)?;
    waits(exam)?;
    let client = exam.dial(server.addr)?;
    server.greets(&client)?;
    waits(exam)?;
    client.send(b"nice to meet you")?;
    waits(exam)
}

/// Nothing happens: the accept queue is empty, and the only client is silent.
fn waits(exam: &Exam) -> Verdict {
    processor::must_wait(
        exam,
        "There is nothing to do, and your threads run without a pause. Either they call accept or \
         read on a non-blocking socket again and again: let these calls block, or wait in poll. Or \
         poll returns immediately each time, because it is asked for what is always there: \
         POLLOUT while nothing is left to send, or POLLIN after end of file.",
    )
}

pub(super) fn waits_for_clients_in_accept_or_poll(exam: &Exam, answer: Functions) -> Verdict {
    let server = Server::start(exam, answer)?;
    a_client_would_wake_it(exam)?;
    let client = exam.dial(server.addr)?;
    server.greets(&client)
}

/// A thread waits for a client in a call that returns when one has connected.
pub(in crate::checks) fn a_client_would_wake_it(exam: &Exam) -> Verdict {
    wakes(exam, &[Call::Accept, Call::Poll], "for a client").caused_by(
        "Your thread sleeps between two looks at the accept queue, so a client waits until the \
         sleep is over. Let accept block: it returns as soon as a client has connected. Or wait in \
         poll.",
    )
}

pub(super) fn waits_for_bytes_in_read_or_poll(exam: &Exam, answer: Functions) -> Verdict {
    let server = Server::start(exam, answer)?;
    let client = exam.dial(server.addr)?;
    server.greets(&client)?;
    wakes(exam, &[Call::Read, Call::Poll, Call::Splice], "for bytes").caused_by(
        "Your thread sleeps between two looks at the connection, so bytes and end of file wait \
         until the sleep is over. Let read block: it returns as soon as bytes or end of file have \
         come. Or wait in poll.",
    )
}

/// A client has connected: no thread sleeps between that and the last byte of its greeting.
pub(super) fn sleeps_before_the_greeting(server: &Server, client: &Peer<'_>) -> Verdict {
    let exam = server.exam;
    let end = server.end_for(client.addr()?).other();
    let slept = exam.until(|| {
        // Many looks without a rest between them: a sleep may be short.
        for _ in 0..LOOKS {
            let threads = or_skip("look at threads", threads::others())?;
            let in_a_sleep =
                |thread: &Thread| thread.call.is_some_and(|call| call.call() == Call::Sleep);
            if threads.iter().any(in_a_sleep) {
                return Ok(Some(true));
            }
        }
        let table = exam.table()?;
        let got = table
            .find(end)
            .map_or(usize::MAX, |row| row.recv_q as usize);
        let rests = threads::others().is_ok_and(|threads| threads.iter().all(Thread::is_blocked));
        Ok((got >= server.greeting.len() || rests).then_some(false))
    })?;
    exam.must(
        slept != Some(true),
        "the whole greeting to be sent immediately",
        "a thread of yours is in a sleep before the client has got all of it",
    )
    .because(|case| {
        let mut sockets = case.evidence.sockets.iter();
        let queued = sockets.any(|seen| seen.row.state == State::Listen && seen.row.recv_q > 0);
        queued.then(|| {
            "The client is in the accept queue (Recv-Q of the LISTEN row), and your thread sleeps. \
             Let accept block: it returns as soon as a client has connected. Or wait in poll."
                .to_owned()
        })
    })
    .caused_by(
        "Your code sleeps before it has sent the greeting. Send it with one `write_all`, as soon \
         as accept has returned the connection.",
    )
}

/// A thread waits in one of these calls, and no thread that should sleeps instead.
fn wakes(exam: &Exam, calls: &[Call], what: &str) -> Verdict {
    let mut asleep = 0;
    let waits = exam.until(|| {
        let threads = exam.evidence().threads;
        let is_in = |doing: &Doing, calls: &[Call]| match doing {
            Doing::Blocked { call, .. } => calls.contains(call),
            _ => false,
        };
        let may_wake = |doing: &Doing| is_in(doing, calls) || matches!(doing, Doing::Unknown);
        if threads.iter().any(may_wake) {
            return Ok(Some(true));
        }
        let rests = !threads.contains(&Doing::Running);
        let sleeps = threads.iter().any(|doing| is_in(doing, &[Call::Sleep]));
        asleep = if rests && sleeps { asleep + 1 } else { 0 };
        Ok((asleep == ASLEEP).then_some(false))
    })?;
    let [one, other, ..] = calls else {
        return Ok(());
    };
    exam.must(
        waits != Some(false),
        format!("a thread that waits {what} in {one} or {other}"),
        "all that wait for something outside are in a sleep",
    )
}
