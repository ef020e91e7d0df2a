//! What happens to clients when the server is stopped: those in the queue, those who come after, and
//! those whose calls are under way.

use std::{
    io::{ErrorKind, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use socket_workshop::{
    deadline::Deadline,
    table::{End, Row, State, Table},
};

use super::{
    Start, cause,
    server::{
        FAR, LINE, MUCH, Server, closes_its_listener, counts, dial, ended, listening, rest_of,
        start_and_stop, stopped,
    },
};

use crate::exam::{Because, Exam, LIMIT, Seen, Unmet, Verdict, here};

/// Clients in the queue, fewer than a backlog of 128 has room for. A server accepts some of them before
/// it hears of the stop, but hardly all.
const QUEUED: usize = 60;

/// In case that one server is so fast, or this thread so late, that nobody is left in the queue.
const ROUNDS: usize = 3;

/// What `stop` gets where it has to cut something off.
const SOON: Duration = Duration::from_millis(300);

/// How much earlier a clock that counts in milliseconds may be.
const TICK: Duration = Duration::from_millis(10);

pub(super) fn serves_who_was_queued(exam: &Exam, start: Start) -> Verdict {
    for _ in 0..ROUNDS {
        let listener = listening(exam, SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let addr = here("read its address", listener.local_addr())?;
        let clients = queue(exam, addr)?;
        let stop = start_and_stop(exam, start, listener)?;
        for (i, client) in clients.iter().enumerate() {
            let asked = Deadline::after(LIMIT).on(client).write_all(LINE);
            let answered = asked.and_then(|()| rest_of(client, LIMIT));
            let seen = match &answered {
                Ok(answer) if answer == LINE => continue,
                Ok(_) => "end of file, and not its line".to_owned(),
                Err(error) => error.to_string(),
            };
            let number = i + 1;
            let expected = format!("client {number} of {QUEUED} to be served");
            let kind = answered.err().map(|error| error.kind());
            return exam.fail(expected, seen).because(|case| match kind {
                Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => Some(RESET.to_owned()),
                Some(_) => cause::does_not_stop(case),
                None => Some(CLOSED.to_owned()),
            });
        }
        exam.step(format!("all {QUEUED} clients have been served"));
        stopped(exam, &stop, "when the calls are over", 0)?;
    }
    Ok(())
}

const RESET: &str = "The connection was complete before `stop` was called, and it was reset. The kernel \
    does so with whoever is in the accept queue when the last handle of the listener is dropped, or \
    when it is shut down; and with a connection that is accepted and dropped while its client's bytes \
    are unread. After the wish, accept until nobody is left in the queue, serve them, and only then let \
    go of the listener.";

const CLOSED: &str = "The connection was complete before `stop` was called. It was accepted, and closed \
    without being served: dropped because of the wish to stop, or cut off before the limit. After the wish, \
    accept until nobody is left in the queue, and serve whoever it was.";

/// Clients whose connections are complete, with nobody to accept them.
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

pub(super) fn refuses_who_comes_after(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let addr = server.addr;
    let client = server.client("first client")?;
    let stop = server.stop(FAR)?;
    let closed = closes_its_listener(exam, addr)?;
    exam.must(closed, "no row in LISTEN, soon after `stop` was called", "there is one")
        .because(|case| {
            let queue = "`stop` waits for the calls under way, and its listener is open meanwhile: the \
                         kernel goes on to complete connections for it, and resets them when it closes. \
                         When the queue is empty, close the listener, and wait then.";
            match stop.goes_on("") {
                Ok(()) => cause::accepts_still(case).or(Some(queue.to_owned())),
                Err(_) => Some(cause::listens_still(case)),
            }
        })?;
    let refused = match TcpStream::connect_timeout(&addr, LIMIT) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(error.to_string()),
        Ok(_) => Err("it has connected".to_owned()),
    };
    let expected = format!("a connection to {addr} to be refused");
    exam.must(refused.is_ok(), expected, refused.err().unwrap_or_default())?;
    exam.step("another client was refused");
    let left = client.send(LINE).and_then(|()| client.receives(LINE));
    left.because(|_| Some(CUT_EARLY.to_owned()))?;
    stopped(exam, &stop, "when the last call is over", 0)
}

const CUT_EARLY: &str = "The call was under way, and has ended before the limit without an answer: its \
    connection was closed, or the half of it that the call reads from (which makes an end of file that \
    the client never sent), or a timeout of yours, or O_NONBLOCK, let its read fail. Until the limit, leave the \
    connections alone, and wait for what runs on them.";

pub(super) fn lets_a_call_under_way_end(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let (first, second) = (
        server.client("first client")?,
        server.client("second client")?,
    );
    let stop = server.stop(FAR)?;
    first.send(LINE).because(|_| Some(CUT_EARLY.to_owned()))?;
    first
        .receives(LINE)
        .because(|_| Some(CUT_EARLY.to_owned()))?;
    first.ends().because(cause::stays_open)?;
    // For a moment, which is the subject: an answer that does not wait has returned by then.
    let silent = second.hears_nothing_for(Duration::from_millis(100));
    silent.because(|_| Some(CUT_EARLY.to_owned()))?;
    stop.goes_on("a call is under way, and the limit is far away").caused_by(
        "`stop` has returned, and a call is still under way: whoever calls it will let the program end, \
         and the call with it. Wait for the threads that serve.",
    )?;
    second.send(LINE).because(|_| Some(CUT_EARLY.to_owned()))?;
    second
        .receives(LINE)
        .because(|_| Some(CUT_EARLY.to_owned()))?;
    second.ends().because(cause::stays_open)?;
    stopped(exam, &stop, "when the last call is over", 0)
        .because(|case| (ended() == 2).then(|| cause::waits_on(case)))
}

pub(super) fn closes_what_is_left_at_the_limit(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let client = server.client("silent client")?;
    let called = Instant::now(); // before `stop` is: what is measured from here is no less than the limit
    let stop = server.stop(SOON)?;
    let end = rest_of(client.stream(), SOON + LIMIT);
    let after = called.elapsed();
    if matches!(&end, Err(error) if error.kind() == ErrorKind::TimedOut) {
        let expected = format!("the connection to be closed within {LIMIT:?} after the limit");
        return exam
            .fail(expected, "it is still open")
            .because(|case| cause::left_open(case, stop.goes_on("").is_err()));
    }
    exam.step("the connection has ended");
    let expected = format!("the connection to be left alone for {SOON:?}, the limit");
    exam.must(
        after + TICK >= SOON,
        expected,
        format!("it was closed after {after:.0?}"),
    )
    .caused_by(CUT_EARLY)?;
    stopped(exam, &stop, "after the limit", 1)
}

/// Too many to give each a limit of its own.
const SILENT: usize = 10;

pub(super) fn has_one_limit_for_all(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let _silent = server.silent_clients(SILENT)?;
    let full = server.client("client that does not read")?;
    full.send(MUCH)?;
    let pipe_is_full = |table: &Table| {
        let filled = |row: &Row| row.local == server.addr && row.send_q > 0;
        let mut rows = table.rows.iter();
        rows.any(|row| filled(row) && row.state == State::Established)
            .then_some(())
    };
    if exam.table_shows(pipe_is_full)?.is_none() {
        return Err(Unmet::not_here(
            "a client that does not read does not fill its pipe",
        ));
    }
    exam.step("its answer has filled both buffers: the call waits in a write");
    let stop = server.stop(SOON)?;
    let count = stop.returns("after the limit");
    let count = count.because(|case| cause::some_are_left(case, SILENT + 1))?;
    let error = count
        .as_ref()
        .err()
        .map_or_else(String::new, ToString::to_string);
    exam.must(
        count.is_ok(),
        "`stop` to return Ok",
        format!("it has returned an error: {error}"),
    )?;
    counts(exam, count.unwrap_or(0), SILENT + 1)?;
    let open = |seen: &&Seen| seen.row.state != State::Listen;
    let closed = || {
        let left = exam.evidence().yours().filter(open).count();
        Ok((left == 0).then_some(()))
    };
    let closed = exam.until(closed)?;
    exam.must(
        closed.is_some(),
        "every connection to be closed",
        "some are open",
    )
    .caused_by("`stop` has returned, and handles of connections are still open.")?;
    calls_that_end_do_not_move_it(exam, start)
}

/// How often a client ends its call: much more often than a limit of [`SOON`].
const OFTEN: Duration = Duration::from_millis(50);

/// So many that calls end, one after the other, for longer than `stop` may take.
const ENDING: usize = 60;

const MOVED: &str = "Calls have ended one after the other, and each time `stop` has waited anew: the \
    limit is one for all. Take a deadline, an Instant, and compute what remains before each wait.";

fn calls_that_end_do_not_move_it(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let mut clients = server.silent_clients(ENDING)?;
    let stop = server.stop(SOON)?;
    exam.step(format!("a client ends its call every {OFTEN:?}"));
    let latest = Deadline::after(SOON + LIMIT);
    while !stop.has_ended() && !latest.passed() {
        thread::sleep(OFTEN); // its length is the subject
        clients.pop();
    }
    let expected = format!("`stop` to return within {LIMIT:?} after the limit");
    exam.must(stop.has_ended(), expected, "it has not returned")
        .because(|case| (!case.panicked).then(|| MOVED.to_owned()))?;
    stop.returns("after the limit")
        .because(cause::does_not_stop)
        .map(drop)
}
