//! What happens to clients when the server is stopped: those in the queue, those that come later,
//! and those whose calls are under way.

use std::{
    io::{ErrorKind, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use socket_workshop::table::{End, Table};

use super::{
    Start, cause,
    server::{
        LINE, Server, Soon, closes_its_listener, dial, ended, listening, rest_of, start_and_stop,
        stopped,
    },
    sets_no_option,
};

use crate::exam::{AMPLE, Because, Exam, Peer, Unmet, Verdict, here, quote};

/// Clients in the queue, fewer than a backlog of 128 has room for. A server accepts some of them
/// before it sees the stop signal, but hardly all.
const QUEUED: usize = 60;

/// In case that a server is so fast, or this thread so late, that the queue is empty at the stop.
const ROUNDS: usize = 3;

pub(super) fn serves_the_queue(exam: &Exam, start: Start) -> Verdict {
    for _ in 0..ROUNDS {
        serves_all_queued(exam, start)?;
    }
    Ok(())
}

pub(super) fn leaves_the_options_alone(exam: &Exam, start: Start) -> Verdict {
    for _ in 0..ROUNDS {
        let served = serves_all_queued(exam, start);
        sets_no_option(exam)?; // first: an option may end a call
        served?;
    }
    Ok(())
}

fn serves_all_queued(exam: &Exam, start: Start) -> Verdict {
    let listener = listening(exam, SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let addr = here("read its address", listener.local_addr())?;
    let clients = queue(exam, addr)?;
    let stop = start_and_stop(exam, start, listener)?;
    for (i, client) in clients.iter().enumerate() {
        is_served(exam, i + 1, client)?;
    }
    exam.step(format!("all {QUEUED} clients have been served"));
    stopped(&stop, "when the calls are over").map(drop)
}

/// A client asks, and reads its answer and the end of file.
fn is_served(exam: &Exam, number: usize, mut client: &TcpStream) -> Verdict {
    // There is room for a line: the write does not wait.
    let answered = match client.write_all(LINE) {
        Ok(()) => rest_of(exam, client)?,
        Err(error) => Some(Err(error)),
    };
    let expected = format!("client {number} of {QUEUED} to be served");
    match answered {
        Some(Ok(answer)) if answer == LINE => Ok(()),
        Some(Ok(answer)) if answer.is_empty() => exam
            .fail(expected, "end of file, and not its line")
            .caused_by(CLOSED),
        Some(Ok(answer)) => exam.fail(expected, format!("other bytes: {}", quote(&answer))),
        Some(Err(error)) => exam.fail(expected, error.to_string()).because(|_| {
            let reset = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&error.kind());
            reset.then(|| RESET.to_owned())
        }),
        None => exam
            .fail(expected, "its connection does not end")
            .because(cause::does_not_stop),
    }
}

const RESET: &str = "The connection was complete before `stop` was called, and it was reset. The \
    kernel resets the connections in the accept queue when the last handle of the listener is \
    closed, or when it is shut down. It also resets an accepted connection that is dropped with \
    bytes unread. After the stop signal accept until the queue is empty, serve these clients, and \
    close the listener then.";

const CLOSED: &str = "The connection was complete before `stop` was called, and it was closed \
    without being served. Your code dropped it because of the stop signal, or cut it off before \
    the limit. After the stop signal accept until the queue is empty, and serve every client in \
    it.";

/// Clients whose connections are complete, and not accepted.
fn queue(exam: &Exam, addr: SocketAddr) -> Verdict<Vec<TcpStream>> {
    let clients = dial(exam, addr, QUEUED)?;
    let complete = |table: &Table| {
        let queue = table.find(End::listener(addr));
        queue.filter(|row| row.recv_q == QUEUED as u32).map(drop)
    };
    if exam.table_shows(complete)?.is_none() {
        return Err(Unmet::not_here("the table does not show the accept queue"));
    }
    exam.step(format!(
        "connected {QUEUED} clients to {addr}; they are in its accept queue"
    ));
    Ok(clients)
}

pub(super) fn refuses_new_clients(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let addr = server.addr;
    let client = server.client("first client")?;
    let stop = server.stop(AMPLE)?;
    let closed = closes_its_listener(exam, addr)?;
    exam.must(
        closed,
        "no row in LISTEN, once `stop` was called",
        "there is one",
    )
    .because(|case| match stop.has_ended() {
        false => cause::accepts_still(case).or(Some(LISTENS.to_owned())),
        true => Some(cause::listens_still(case)),
    })?;
    let refused = match exam.connects(addr)? {
        Some(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Some(Err(error)) => Err(error.to_string()),
        Some(Ok(_)) => Err("it has connected".to_owned()),
        None => Err("its SYN is not answered".to_owned()),
    };
    let expected = format!("a connection to {addr} to be refused");
    exam.must(refused.is_ok(), expected, refused.err().unwrap_or_default())?;
    exam.step("another client was refused");
    asks(&client)?;
    stopped(&stop, "when the last call is over").map(drop)
}

const LISTENS: &str = "`stop` waits for the calls under way, and its listener is still open: the \
    kernel completes connections for it, and resets them when it closes. Close the listener as \
    soon as the accept queue is empty, and wait for the calls then.";

/// The client's call is under way, and must go on as if nothing had happened.
fn asks(client: &Peer<'_>) -> Verdict {
    let answered = client.send(LINE).and_then(|()| client.receives(LINE));
    answered.because(|_| Some(CUT_EARLY.to_owned()))
}

pub(super) const CUT_EARLY: &str = "The call was under way, and your code ended it before the \
    limit: it closed the connection or one half of it, or it has set a timeout or O_NONBLOCK, or a \
    shorter limit of its own. Until the limit leave the connections alone, and wait for the calls.";

/// How long a call goes on while `stop` waits, which is the subject: a `stop` that does not wait
/// has returned by then. Where it waits without a timeout this is known sooner.
const SILENT_FOR: Duration = Duration::from_millis(100);

/// Longer than a limit of a second that is not the caller's.
const SILENT_FOR_LONG: Duration = Duration::from_millis(1500);

const RETURNS_EARLY: &str = "`stop` has returned, and a call is still under way: the caller may \
    end the program now, and the call with it. Wait for the threads that serve.";

pub(super) fn lets_calls_end(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let (first, second) = (
        server.client("first client")?,
        server.client("second client")?,
    );
    let stop = server.stop(AMPLE)?;
    asks(&first)?;
    first.ends().because(cause::stays_open)?;
    let silent = second.hears_nothing_for(SILENT_FOR);
    silent.because(|_| Some(CUT_EARLY.to_owned()))?;
    stop.goes_on("a call is under way, and the limit is far away")
        .caused_by(RETURNS_EARLY)?;
    asks(&second)?;
    second.ends().because(cause::stays_open)?;
    stopped(&stop, "when the last call is over")
        .because(|case| (ended() == 2).then(|| cause::waits_on(case)))
        .map(drop)
}

pub(super) fn leaves_calls_alone(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let client = server.client("silent client")?;
    let stop = server.stop(AMPLE)?;
    let silent = client.hears_nothing_for(SILENT_FOR_LONG);
    silent.because(|_| Some(CUT_EARLY.to_owned()))?;
    stop.goes_on("a call is under way, and the limit is far away")
        .caused_by(RETURNS_EARLY)?;
    asks(&client)?;
    client.ends().because(cause::stays_open)?;
    stopped(&stop, "when the last call is over").map(drop)
}

pub(super) fn returns_after_the_last_call(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let (first, second) = (
        server.client("first client")?,
        server.client("second client")?,
    );
    let stop = server.stop(AMPLE)?;
    exam.comes_to_rest()?;
    asks(&first)?;
    asks(&second)?;
    let soon = Soon::from_now(exam)?;
    stopped(&stop, "when the last call is over").because(|case| Some(cause::waits_on(case)))?;
    soon.has_come(
        exam,
        "`stop` to return as soon as the last call is over",
        cause::SLEEPS,
    )
}
