//! A server with nothing to do: it waits for the next client and for the next bytes, in the kernel.

use super::{Answer, processor, server::Server};

use crate::exam::{Because, Call, Doing, Exam, Verdict};

/// So many looks in a row that find a thread asleep, and none in a call that an event ends.
const ASLEEP: u32 = 3;

pub(super) fn waits_without_spinning(exam: &Exam, answer: Answer) -> Verdict {
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
        "There is nothing to do, and your threads look again and again: a non-blocking socket is asked \
         without a pause. Let accept and read block, or wait in poll.",
    )
}

pub(super) fn waits_for_clients_in_accept_or_poll(exam: &Exam, answer: Answer) -> Verdict {
    let server = Server::start(exam, answer)?;
    wakes(exam, &[Call::Accept, Call::Poll], "for a client").caused_by(
        "Your thread sleeps between two looks at the accept queue, so a client waits until the sleep is \
         over. Let accept block: it returns as soon as a client has connected. Or wait in poll.",
    )?;
    let client = exam.dial(server.addr)?;
    server.greets(&client)
}

pub(super) fn waits_for_bytes_in_read_or_poll(exam: &Exam, answer: Answer) -> Verdict {
    let server = Server::start(exam, answer)?;
    let client = exam.dial(server.addr)?;
    server.greets(&client)?;
    wakes(exam, &[Call::Read, Call::Poll, Call::Splice], "for bytes").caused_by(
        "Your thread sleeps between two looks at the connection, so bytes and end of file wait until the \
         sleep is over. Let read block: it returns as soon as bytes or end of file have come. Or wait in \
         poll.",
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
