//! What happens to clients when the server is stopped: those in the accept queue, those that
//! connect later, and those whose calls are under way.

use std::{
    io::{self, ErrorKind, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use socket_workshop::table::{End, Row, State, Table, TimerKind};
use socket2::SockRef;

use super::{
    BESIDE, SOON, Start, cause,
    server::{
        LINE, MUCH, Rest, Server, Stopping, begun, closes_its_listener, counts, dial, ended,
        listening, rest_of, start_and_stop, stopped, stops, stops_or,
    },
};

use crate::checks::rest::{Rested, rests};
use crate::exam::{
    AMPLE, Because, CheckError, Exam, Peer, Reference, Seen, Timing, Took, Verdict, or_skip, quote,
};

/// Clients in the queue, fewer than a backlog of 128 has room for. A server accepts some of them
/// before it sees the stop signal, but hardly all.
const QUEUED: usize = 60;

/// In case one server is so fast, or this thread so late, that no client is left in the queue.
const ROUNDS: usize = 3;

/// The limit that `stop` gets where it has to cut something off, which is the subject.
const CUT_OFF_AFTER: Duration = Duration::from_millis(300);

/// How much later it may be done: several threads may have to run, one after the other. The wrong
/// answers take ten times the limit.
const MARGIN: Duration = Duration::from_millis(1500);

pub(super) fn serves_the_clients_in_the_queue(exam: &Exam, start: Start) -> Verdict {
    for _ in 0..ROUNDS {
        let listener = listening(exam, SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let addr = or_skip("read its address", listener.local_addr())?;
        let clients = queue(exam, addr)?;
        let all = begun() + QUEUED;
        let stop = start_and_stop(exam, start, listener, AMPLE)?;
        // The last comes first: a call must not wait for another client's.
        for (i, client) in clients.iter().enumerate().rev() {
            is_served(exam, (addr, i + 1), client, all)?;
        }
        exam.step(format!("all {QUEUED} clients have been served"));
        stops(exam, &stop, "when the calls are over")?;
    }
    Ok(())
}

/// A client sends its line, and reads the answer and end of file. `all` calls begin in the end.
fn is_served(
    exam: &Exam,
    (addr, number): (SocketAddr, usize),
    mut client: &TcpStream,
    all: usize,
) -> Verdict {
    // There is room for a line: the write does not wait.
    let Rest { bytes, end } = match client.write_all(LINE) {
        Ok(()) => rest_of(exam, client)?,
        Err(error) => Rest {
            bytes: Vec::new(),
            end: Some(Err(error)),
        },
    };
    let expected = format!("client {number} of {QUEUED} to be served");
    match end {
        Some(Ok(())) if bytes == LINE => Ok(()),
        Some(Ok(())) if bytes.is_empty() => exam
            .fail(expected, "end of file, and not its line")
            .caused_by(CLOSED),
        Some(Ok(())) => exam.fail(expected, format!("other bytes: {}", quote(&bytes))),
        None if bytes == LINE => {
            let client = or_skip("read the client's address", client.local_addr())?;
            let end = End::between(addr, client);
            exam.fail(expected, "its line, and then no end of file")
                .because(|case| cause::stays_open(case, end))
        }
        Some(Err(error)) => exam.fail(expected, error.to_string()).because(|_| {
            let reset = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&error.kind());
            reset.then(|| RESET.to_owned())
        }),
        None => exam
            .fail(expected, "its connection does not end")
            .because(|case| {
                (begun() < all)
                    .then(|| cause::serves_in_turn(case))
                    .flatten()
            })
            .because(cause::does_not_stop),
    }
}

const RESET: &str = "The client connected before `stop` was called, and its connection was reset. \
    The kernel resets connections that wait in the accept queue when the last handle of the \
    listener is closed or the listener is shut down. It also resets a connection that is closed \
    with unread bytes. After the stop signal, accept until the queue is empty (WouldBlock), serve \
    those clients, and only then close the listener.";

const CLOSED: &str = "The client connected before `stop` was called, and its connection has ended \
    without an answer, long before the limit. Either your code accepted the connection and closed \
    it without serving it, or it cut the call off, for example when another call was over. After \
    the stop signal, accept until the queue is empty (WouldBlock), serve each of these clients, \
    and leave their calls alone until the limit.";

/// Clients in the accept queue: their connections are complete, and the server does not run yet.
fn queue(exam: &Exam, addr: SocketAddr) -> Verdict<Vec<TcpStream>> {
    let clients = dial(exam, addr, QUEUED)?;
    let complete = |table: &Table| {
        let queue = table.find(End::listener(addr));
        queue.filter(|row| row.recv_q == QUEUED as u32).map(drop)
    };
    if exam.table_shows(complete)?.is_none() {
        return Err(CheckError::skipped(
            "the table does not show the accept queue",
        ));
    }
    exam.step(format!(
        "connected {QUEUED} clients to {addr}; they are in its accept queue"
    ));
    Ok(clients)
}

pub(super) fn refuses_later_clients(exam: &Exam, start: Start) -> Verdict {
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
    .because(|case| {
        let queue = "`stop` waits for the calls under way while its listener is open: the \
                         kernel still completes connections for it, and resets them when it is \
                         closed. Close the listener when the queue is empty, then wait for the \
                         calls.";
        match stop.has_ended() {
            false => cause::accepts_still(case).or(Some(queue.to_owned())),
            true => Some(cause::listens_still(case)),
        }
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
    let left = client.send(LINE).and_then(|()| client.receives(LINE));
    left.because(|_| Some(CUT_EARLY.to_owned()))?;
    stops(exam, &stop, "when the last call is over").map(drop)
}

pub(super) const CUT_EARLY: &str = "The call was under way and ended before the limit. Your code closed its \
    connection, or shut down the receiving half (`serve` then reads an end of file that the client \
    never sent), or set a timeout or O_NONBLOCK, with which the read of `serve` fails. Leave \
    connections alone until the limit, and wait for their calls.";

/// How long a call goes on while `stop` waits, which is the subject: a `stop` that does not wait
/// has returned by then. If it waits without a timeout, this is known sooner.
const SILENT_FOR: Duration = Duration::from_millis(100);

pub(super) fn waits_for_the_calls_under_way(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let names = ["first client", "second client", "third client"];
    let clients = names.map(|name| server.client(name));
    let [first, second, last] = clients;
    let (first, second, last) = (first?, second?, last?);
    let addr = server.addr;
    let ends = |client: &Peer| {
        let end = End::between(addr, client.addr()?);
        client.ends().because(|case| cause::stays_open(case, end))
    };
    let stop = server.stop(AMPLE)?;
    // With its listener closed it waits for the calls, or will soon.
    closes_its_listener(exam, addr)?;
    for client in [&first, &second] {
        let served = client.send(LINE).and_then(|()| client.receives(LINE));
        served.because(|_| Some(CUT_EARLY.to_owned()))?;
        ends(client)?;
        let silent = last.receives_nothing_for(SILENT_FOR);
        silent.because(|_| Some(CUT_EARLY.to_owned()))?;
        stop.goes_on("a call is under way, and the limit is far away").caused_by(
            "`stop` has returned while a call is under way. Its caller then ends the program, and \
             the call with it. Wait for the threads that serve, until the limit at most.",
        )?;
    }
    last.send(LINE)
        .and_then(|()| last.receives(LINE))
        .because(|_| Some(CUT_EARLY.to_owned()))?;
    ends(&last)?;
    let rested = rests(exam, &stop)?;
    stops(exam, &stop, "when the last call is over")
        .because(|case| (ended() == 3).then(|| cause::waits_on(case)))?;
    does_not_rest(exam, &rested)?;
    returns_as_soon_as_the_call_is_over(exam, start)?;
    keeps_a_long_limit(exam, start)
}

/// Where there is nothing to wait for, all threads are blocked for less. A pause of 20 ms between
/// two looks still passes as immediate. A thread that was woken and waits for a CPU is not blocked.
const AT_REST: Duration = Duration::from_millis(50);

/// Calls that end: one may end just before a pause between two looks is over.
const CALLS: usize = 10;

fn returns_as_soon_as_the_call_is_over(exam: &Exam, start: Start) -> Verdict {
    for _ in 0..CALLS {
        let server = Server::start(exam, start)?;
        let (addr, client) = (server.addr, server.client("client")?);
        let stop = server.stop(AMPLE)?;
        closes_its_listener(exam, addr)?;
        is_answered(&client)?;
        let rested = rests(exam, &stop)?;
        stops(exam, &stop, "when the call is over")?;
        does_not_rest(exam, &rested)?;
    }
    Ok(())
}

fn does_not_rest(exam: &Exam, rested: &Rested) -> Verdict {
    exam.must(
        rested.time < AT_REST,
        "`stop` to return as soon as the last call is over",
        format!(
            "before it returned, all your threads were blocked for {:.0?}",
            rested.time
        ),
    )
    .caused_by(NOTICES_LATE)
}

/// Cut to 32 bits of milliseconds or microseconds, or to 16, only [`CUT`] is left of it.
const LONG: Duration = Duration::from_millis((1 << 32) + 200);
const CUT: Duration = Duration::from_millis(200);

fn keeps_a_long_limit(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let client = server.client("silent client")?;
    let over = ended();
    let stop = server.stop(LONG)?;
    // Its length is the subject: where all of the limit is kept, nothing ends the wait.
    exam.comes_true(|| Ok(ended() > over || stop.has_ended() || stop.age() > 3 * CUT))?;
    exam.must(
        ended() == over && !stop.has_ended(),
        format!("the call to be left alone: the limit is {LONG:?}"),
        "the call has ended, or `stop` has returned",
    )
    .caused_by(
        "`stop` has not waited for its limit. Most likely the limit is cut: `as` keeps the lower \
         bits of a number, and 32 bits of milliseconds are 49 days. Compute the deadline as an \
         Instant, and where a call such as poll accepts no such long timeout, wait again.",
    )?;
    is_answered(&client)?;
    stops(exam, &stop, "when the last call is over").map(drop)
}

/// The call under way ends as its client wants it.
fn is_answered(client: &Peer) -> Verdict {
    let served = client.send(LINE).and_then(|()| client.receives(LINE));
    served.because(|_| Some(CUT_EARLY.to_owned()))?;
    client.ends()
}

/// Something that must happen immediately has just happened. The reference began with it.
pub(super) fn is_soon(
    exam: &Exam,
    reference: Reference<'_>,
    begun: Instant,
    expected: impl Into<String>,
    seen: &str,
) -> Verdict {
    let took = since(begun);
    let is_late = reference.judges(took, SOON)? == Timing::Late;
    exam.must(
        !is_late,
        expected,
        format!("{seen} after {:.0?}", took.time),
    )
    .caused_by(NOTICES_LATE)
}

const NOTICES_LATE: &str = "Your code notices the event late: it sleeps or waits for something \
    else, and looks afterwards. Wait in a call that the event ends, such as accept, poll or a \
    channel's recv.";

pub(super) fn closes_immediately_at_zero(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let client = server.client("silent client")?;
    let (reference, called) = (exam.reference(BESIDE)?, Instant::now());
    let stop = server.stop(Duration::ZERO)?;
    stopped(exam, &stop, "immediately: the limit is zero", 1)?;
    let rest = rest_of(exam, client.stream())?; // end of file or a reset
    exam.must(
        rest.end.is_some(),
        "the connection to be closed",
        "it is open",
    )
    .because(|case| cause::left_open(case, true))?;
    let expected = "`stop` to return immediately: the limit is zero";
    is_soon(exam, reference, called, expected, "it has returned")?;
    misses_no_call_that_begins(exam, start)
}

/// The number of rounds, with two calls of `stop` in each, right after clients have connected. A
/// server that closes only the calls whose threads run by then fails in two rounds of three, and in
/// one of eight on a busy machine.
const CHANCES: usize = 40;

/// `stop` comes right after clients have connected: the threads of some calls have not begun to
/// run. It need not count these clients, but it must not wait for them.
fn misses_no_call_that_begins(exam: &Exam, start: Start) -> Verdict {
    let when = "immediately: the limit is zero";
    for _ in 0..CHANCES {
        let listener = listening(exam, SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let addr = or_skip("read its address", listener.local_addr())?;
        let silent = queue(exam, addr)?;
        let stop = start_and_stop(exam, start, listener, Duration::ZERO)?;
        stops_or(exam, &stop, when, cause::misses_calls)?;
        reset(silent)?;

        let server = Server::start(exam, start)?;
        let silent = dial(exam, server.addr, QUEUED)?;
        exam.step(format!("connected {QUEUED} clients, which send nothing"));
        let stop = server.stop(Duration::ZERO)?;
        stops_or(exam, &stop, when, cause::misses_calls)?;
        reset(silent)?;
    }
    Ok(())
}

/// The clients close, and leave no TIME_WAIT.
fn reset(clients: Vec<TcpStream>) -> Verdict {
    for client in clients {
        let set = SockRef::from(&client).set_linger(Some(Duration::ZERO));
        or_skip("set SO_LINGER", set)?;
    }
    Ok(())
}

/// Some calls are over before `stop` is called, or while it waits.
fn counts_no_call_that_is_over(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let client = server.client("first client")?;
    let over = server.client("second client")?;
    server.ends(&over)?;
    let stop = server.stop(AMPLE)?;
    let served = client.send(LINE).and_then(|()| client.receives(LINE));
    served.because(|_| Some(CUT_EARLY.to_owned()))?;
    stopped(exam, &stop, "when the calls are over", 0)?;

    let server = Server::start(exam, start)?;
    let (over, _silent) = (
        server.client("first client")?,
        server.client("second client")?,
    );
    server.ends(&over)?;
    let stop = server.stop(CUT_OFF_AFTER)?;
    stopped(exam, &stop, "after the limit", 1)?;
    counts_no_call_that_ends_before_the_limit(exam, start)?;
    ends_both_calls_of_one_port(exam, start)?;
    ends_the_calls_of_the_queue(exam, start)
}

/// A longer limit, in case this machine is too busy for the first.
const LIMITS: [Duration; 3] = [
    CUT_OFF_AFTER,
    Duration::from_secs(1),
    Duration::from_secs(5),
];

/// Of two calls under way one ends while `stop` waits.
fn counts_no_call_that_ends_before_the_limit(exam: &Exam, start: Start) -> Verdict {
    for limit in LIMITS {
        let server = Server::start(exam, start)?;
        let (first, _silent) = (
            server.client("first client")?,
            server.client("silent client")?,
        );
        let addr = server.addr;
        let stop = server.stop(limit)?;
        closes_its_listener(exam, addr)?;
        exam.comes_to_rest()?; // it waits for the calls
        let answered = is_answered(&first);
        if stop.age() >= limit {
            continue;
        }
        answered?;
        let is_in_time = stop.age() < limit / 2;
        waits_for_the_limit(exam, &stop, limit)?;
        let count = stops(exam, &stop, "after the limit")?;
        if is_in_time || count == 1 {
            return counts(exam, count, 1);
        }
    }
    Err(CheckError::skipped(
        "the machine is too busy: a call did not end within a limit of 5 s",
    ))
}

/// `stop` has until its limit. That a thread of it runs without waiting is the subject of another
/// rule, and does not end this wait.
fn waits_for_the_limit(exam: &Exam, stop: &Stopping, limit: Duration) -> Verdict {
    while !exam.comes_true(|| Ok(stop.has_ended() || stop.age() >= limit))? {}
    Ok(())
}

/// Clients that `stop` finds in the accept queue, and that are silent. Several times: a server may
/// have accepted all of them before it sees the signal.
fn ends_the_calls_of_the_queue(exam: &Exam, start: Start) -> Verdict {
    (0..ROUNDS).try_for_each(|_| ends_the_calls_of_one_queue(exam, start))
}

fn ends_the_calls_of_one_queue(exam: &Exam, start: Start) -> Verdict {
    for limit in LIMITS {
        let listener = listening(exam, SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let addr = or_skip("read its address", listener.local_addr())?;
        let _silent = queue(exam, addr)?;
        let all = begun() + QUEUED;
        let stop = start_and_stop(exam, start, listener, limit)?;
        let count = stops_or(exam, &stop, "after the limit", |case| {
            (!case.panicked).then(|| FORGETS_THE_QUEUE.to_owned())
        })?;
        // On a busy machine the queue may not be empty at the limit.
        if count == QUEUED || begun() == all {
            let expected = format!("`stop` to return {QUEUED}: all connections were open");
            let seen = format!("it has returned {count}");
            let counted = exam.must(count == QUEUED, expected, seen);
            return counted.caused_by(FORGETS_THE_QUEUE);
        }
    }
    Err(CheckError::skipped(
        "the machine is too busy: 60 clients were not accepted within a limit of 5 s",
    ))
}

const FORGETS_THE_QUEUE: &str = "The clients waited in the accept queue when `stop` was called, \
    and are silent. Some of their connections were not closed at the limit, or not counted. Close \
    what is left at that moment: a list that was made before the queue was empty does not have \
    them.";

/// The address of a client does not identify its connection.
fn ends_both_calls_of_one_port(exam: &Exam, start: Start) -> Verdict {
    let server = Server::on(exam, start, SocketAddr::from(([0, 0, 0, 0], 0)))?;
    let _clients = server.clients_of_one_port()?;
    let stop = server.stop(CUT_OFF_AFTER)?;
    let when = "after the limit";
    let count = stops_or(exam, &stop, when, cause::knows_calls_by_their_peer)?;
    counts(exam, count, 2)
}

pub(super) fn closes_open_connections_at_the_limit(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let client = server.client("silent client")?;
    let reference = exam.reference(CUT_OFF_AFTER)?;
    let called = Instant::now(); // before the limit starts
    let stop = server.stop(CUT_OFF_AFTER)?;
    let rest = rest_of(exam, client.stream())?;
    let took = since(called);
    if rest.end.is_none() {
        return exam
            .fail(
                "the connection to be closed at the limit",
                "it is still open",
            )
            .because(|case| cause::left_open(case, stop.has_ended()));
    }
    exam.step("the connection has ended");
    let seen = format!("it was closed after {:.0?}", took.time);
    match reference.judges(took, MARGIN)? {
        Timing::InTime => {
            stopped(exam, &stop, "after the limit", 1)?;
            let took = stop.took().time;
            let expected = format!("`stop` to wait for {CUT_OFF_AFTER:?}, the limit");
            let seen = format!("it has returned after {took:.1?}");
            exam.must(took >= CUT_OFF_AFTER, expected, seen)
                .caused_by(CUT_EARLY)?;
            counts_no_call_that_is_over(exam, start)
        }
        Timing::Early => {
            let expected =
                format!("the connection to be left alone for {CUT_OFF_AFTER:?}, the limit");
            exam.fail(expected, seen).caused_by(CUT_EARLY)
        }
        Timing::Late => {
            let expected = format!("the connection to be closed at the limit, {CUT_OFF_AFTER:?}");
            exam.fail(expected, seen).caused_by(
                "Your code has waited longer than the limit. Compute the deadline once, as an \
                 Instant, and before each wait compute what remains.",
            )
        }
    }
}

/// How long something has taken that the exam has seen.
fn since(begun: Instant) -> Took {
    Took {
        time: begun.elapsed(),
        delay: Duration::ZERO,
    }
}

/// What `stop` returns, which it must do at the limit: calls are under way until then.
fn returns_at_the_limit(
    exam: &Exam,
    stop: &Stopping<'_>,
    begun: Instant,
    reference: Reference<'_>,
) -> Verdict<io::Result<usize>> {
    let is_late = || begun.elapsed() > CUT_OFF_AFTER + MARGIN;
    let ended = exam.until(|| {
        let ended = stop.has_ended();
        Ok((ended || is_late()).then_some(ended))
    })?;
    let expected = format!("`stop` to return at the limit, {CUT_OFF_AFTER:?}");
    let (took, seen, value) = match ended {
        None => return exam.fail(expected, "it has not returned"), // and never will
        Some(false) => {
            let took = since(begun);
            let seen = format!("it had not returned after {:.0?}", took.time);
            (took, seen, None)
        }
        Some(true) => {
            let value = stop.returns("at the limit")?;
            if value.is_err() {
                return Ok(value); // it is not about time
            }
            let took = stop.took();
            let seen = format!("it has returned after {:.0?}", took.time);
            (took, seen, Some(value))
        }
    };
    match (reference.judges(took, MARGIN)?, value) {
        (Timing::InTime, Some(value)) => Ok(value),
        (Timing::Early, _) => exam.fail(expected, seen).caused_by(CUT_EARLY),
        _ => exam.fail(expected, seen),
    }
}

/// Too many to give each a limit of its own.
const SILENT: usize = 10;

pub(super) fn ends_reads_and_writes(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let _silent = server.silent_clients(SILENT)?;
    let full = server.client("client that does not read")?;
    full.send(MUCH)?;
    let pipe_is_full = |table: &Table| {
        // The kernel asks again and again whether there is room at the client.
        let probes = |row: &Row| {
            row.timer
                .is_some_and(|timer| timer.kind == TimerKind::WindowProbe)
        };
        let filled = |row: &Row| row.local == server.addr && row.send_q > 0 && probes(row);
        let mut rows = table.rows.iter();
        rows.any(|row| filled(row) && row.state == State::Established)
            .then_some(())
    };
    if exam.table_shows(pipe_is_full)?.is_none() {
        return Err(CheckError::skipped(
            "a client that does not read does not fill its pipe",
        ));
    }
    exam.step("its answer has filled both buffers: the call waits in a write");
    let reference = exam.reference(CUT_OFF_AFTER)?;
    let begun = Instant::now();
    let stop = server.stop(CUT_OFF_AFTER)?;
    let count = returns_at_the_limit(exam, &stop, begun, reference);
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
    let closed = exam.comes_true(|| Ok(exam.evidence().yours().filter(open).count() == 0))?;
    exam.must(closed, "every connection to be closed", "some are open")
        .caused_by(
            "`stop` has returned, and handles of connections are still open. Drop every handle \
             before it returns.",
        )
}

/// How often a client ends its call, which is the subject: much more often than the limit.
const OFTEN: Duration = Duration::from_millis(50);

/// Enough clients that calls end, one after the other, for longer than `stop` may take.
const ENDING: usize = 60;

const MOVED: &str = "Calls ended one after the other, and after each one `stop` waited for the \
    whole limit again. Compute the deadline once, as an Instant, and before each wait compute what \
    remains.";

pub(super) fn keeps_the_limit_while_calls_end(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let mut clients = server.silent_clients(ENDING)?;
    let reference = exam.reference(CUT_OFF_AFTER)?;
    let begun = Instant::now();
    let stop = server.stop(CUT_OFF_AFTER)?;
    exam.step(format!("a client ends its call every {OFTEN:?}"));
    while !stop.has_ended() && begun.elapsed() <= CUT_OFF_AFTER + MARGIN {
        thread::sleep(OFTEN); // its length is the subject
        clients.pop();
    }
    returns_at_the_limit(exam, &stop, begun, reference)
        .because(|case| (!case.panicked && case.stuck.is_none()).then(|| MOVED.to_owned()))
        .map(drop)
}
