//! One connection after the greeting: held until its client closes, and closed then.

use std::time::Duration;

use socket_workshop::table::{Row, State};

use super::{Answer, processor, rows_become, server::Server};

use crate::exam::{Because, Case, Exam, Stuck, Verdict, Whose};

/// How long a client listens to an answer that waits with timeouts, which is the subject: long enough
/// to close, or to say more. One that waits without a timeout is not listened to for so long.
const SILENT_FOR: Duration = Duration::from_millis(150);

/// Why a connection is closed before its time, if nothing else is known.
const DROPPED: &str = "at the end of a block a stream is dropped, and closed with it";

const SPINS: &str = "There is nothing to do, and your threads do it again and again: a socket that is \
    non-blocking is asked without a pause. Let accept and read block, or wait in poll.";

pub(super) fn is_held(exam: &Exam, answer: Answer) -> Verdict {
    let server = Server::start(exam, answer)?;
    let client = exam.dial(server.addr)?;
    server.greets(&client)?;
    client
        .hears_nothing_for(SILENT_FOR)
        .because(|case| says_more(case).or_else(|| closed_too_early(case, DROPPED)))?;
    waits(exam)?;
    client.send(b"nice to meet you")?;
    let end = server.end_for(client.addr()?);
    let unread = |rows: &[Row]| rows.iter().any(|row| row.end() == end && row.recv_q > 0);
    let read = rows_become(exam, |rows| !unread(rows))?;
    exam.must(read, "the server to read what its client sends", "it is in Recv-Q still")
        .caused_by(
            "What a client sends stays in Recv-Q until it is read, and the end of file comes behind it. \
             Read, and discard what comes, until Ok(0).",
        )?;
    client.hears_nothing_for(SILENT_FOR).because(|case| {
        says_more(case).or_else(|| closed_too_early(case, "one read is not the end, only Ok(0) is"))
    })?;
    waits(exam)
}

/// Nothing happens: the accept queue is empty, and the only client says nothing.
fn waits(exam: &Exam) -> Verdict {
    processor::must_wait(exam, SPINS)
}

fn says_more(case: &Case) -> Option<String> {
    (!case.arrived.is_empty()).then(|| {
        "More came than the greeting. Send it as it is, without a newline of your own, and nothing \
         else: what the client sends is read and discarded."
            .to_owned()
    })
}

fn closed_too_early(case: &Case, why: &str) -> Option<String> {
    case.yours().is_none().then(|| {
        format!(
            "Your end has closed the connection, and the client had not: {why}. Read until the end of \
             file before you let go of the stream."
        )
    })
}

pub(super) fn is_closed(exam: &Exam, answer: Answer) -> Verdict {
    let server = Server::start(exam, answer)?;
    let client = exam.dial(server.addr)?;
    server.greets(&client)?;
    let left = client.send(b"bye").and_then(|()| client.half_close());
    left.because(|case| closed_too_early(case, DROPPED))?;
    client.ends().because(says_more).because(|case| {
        let seen = case.yours()?;
        let Whose::Yours(fd) = seen.whose else { return None };
        if seen.row.state != State::CloseWait {
            return None;
        }
        let cause = if seen.row.recv_q > 0 {
            format!(
                "The client has closed (CLOSE_WAIT), but nobody reads from fd {fd}, so nobody knows: \
                 Recv-Q counts the last bytes and the FIN behind them. Read until Ok(0)."
            )
        } else if matches!(case.stuck, Some(Stuck::Spin(..))) {
            "`read` returned Ok(0): end of file. The loop took it for data and reads again, for ever."
                .to_owned()
        } else if case.is_running() {
            return None;
        } else {
            format!(
                "The end of file has been read (Recv-Q is 0), but fd {fd} is still open: CLOSE_WAIT is \
                 always the local program's doing. A handle of the socket lives on, in a list, in a \
                 clone, or in a thread that waits; the FIN is sent when the last one is dropped."
            )
        };
        Some(cause)
    })
}
