//! Checks of exercise 13: a server that serves the clients that came in time, and stops in time.

mod cause;
mod drain;
mod server;

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use self::server::{Hold, LINE, Server, closes_its_listener, ended, limited, listening, stops};
use super::{Exercise, listener::processor};

use crate::exam::{
    AMPLE, Because, Exam, Rule, Suite, Verdict, check, descriptors, diagnosis::LEAVES_A_THREAD,
    or_skip, problems,
};

/// Exercise 13.
pub const EXERCISE: Exercise = Exercise {
    number: 13,
    name: "shutdown",
    task: "serve the clients that came in time, and stop within a limit",
    hints: [
        "The thread that accepts must wait for two events, a client and the stop signal, and \
         accept waits for one. Which of the lesson's four ways leaves the accept queue as it is? \
         And at the limit: which call ends a read or a write in which another thread is blocked?",
        "Wait in poll for the listener (non-blocking) and for an eventfd \
         (`socket_workshop::stop::EventFd`) or one half of a socket pair. After the signal, accept \
         until WouldBlock, drop the listener, and wait for the calls. At the limit call \
         shutdown(Both) on the connections that are left, on a second handle of each. Drop that \
         handle when its call is over, or the client never gets end of file.",
        "let handle = Arc::new(stream.try_clone()?); calls.push(Arc::downgrade(&handle)); let \
         alive = alive.clone(); scope.spawn(move || { let _keep = (handle, alive); serve(stream) \
         }); and at the end: drop(listener); drop(alive); let _ = \
         all_over.recv_timeout(what_remains); for handle in calls.iter().filter_map(Weak::upgrade) \
         { let _ = handle.shutdown(Shutdown::Both); }",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 13 is held to.
pub const SUITE: Suite<Start> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "`start` returns immediately. The server accepts on another thread.",
            &[check(
                "returns before a client connects",
                returns_before_a_client_connects,
            )],
        ),
        Rule::core(
            "Call `serve` for each client as soon as it connects, on a thread of its own, also \
             while other clients are silent.",
            &[
                check(
                    "serves a client while another is silent",
                    serves_a_client_while_another_is_silent,
                ),
                check("serves many silent clients", serves_many_silent_clients),
                check(
                    "calls `serve` as soon as a client connects",
                    calls_serve_as_soon_as_a_client_connects,
                ),
            ],
        ),
        Rule::core(
            "When `serve` has returned, close its connection.",
            &[check(
                "closes the connection when `serve` returns",
                closes_the_connection_when_serve_returns,
            )],
        ),
        Rule::core(
            "`stop` returns immediately if no call is under way, whatever address the listener \
             has.",
            &[check(
                "stops immediately when it is idle",
                stops_immediately_when_idle,
            )],
        ),
        Rule::core(
            "Serve the clients that wait in the accept queue when `stop` is called, and reset \
             none of them.",
            &[check(
                "serves the clients in the accept queue",
                drain::serves_the_clients_in_the_queue,
            )],
        ),
        Rule::core(
            "`stop` closes the listener before it waits for calls. The kernel then refuses new \
             clients.",
            &[check(
                "refuses clients that connect after `stop`",
                drain::refuses_later_clients,
            )],
        ),
        Rule::core(
            "Until the limit, leave calls under way alone. `stop` returns as soon as the last one \
             is over.",
            &[check(
                "waits for the calls under way",
                drain::waits_for_the_calls_under_way,
            )],
        ),
        Rule::core(
            "At the limit, `stop` closes the connections that are left, and returns how many they \
             were.",
            &[check(
                "closes open connections at the limit",
                drain::closes_open_connections_at_the_limit,
            )],
        ),
        Rule::hardened(
            "The limit ends every call, whether it waits in a read or in a write.",
            &[check(
                "ends calls that wait in a read or in a write",
                drain::ends_reads_and_writes,
            )],
        ),
        Rule::hardened(
            "One limit holds for all calls together. It starts when `stop` is called, and a call \
             that ends does not extend it.",
            &[check(
                "keeps the limit while calls end",
                drain::keeps_the_limit_while_calls_end,
            )],
        ),
        Rule::hardened(
            "With a limit of zero, `stop` closes the connections immediately.",
            &[check(
                "closes connections immediately at a limit of zero",
                drain::closes_immediately_at_zero,
            )],
        ),
        Rule::hardened(
            "Give `serve` a connection that blocks and has no timeout. Set no other option on it.",
            &[check("sets no option on a connection", sets_no_option)],
        ),
        Rule::hardened(
            "A reset ends the call of that connection only. Do not panic.",
            &[
                check(
                    "serves the next client after a reset",
                    serves_the_next_client_after_a_reset,
                ),
                check(
                    "stops while a call goes on after a reset",
                    stops_while_a_call_goes_on_after_a_reset,
                ),
            ],
        ),
        Rule::hardened(
            "While nothing happens, wait in the kernel. Use less than 5 % of a processor.",
            &[check("waits without spinning", waits_without_spinning)],
        ),
        Rule::hardened(
            "When `stop` returns, no thread of the server is left.",
            &[check("leaves no thread", leaves_no_thread)],
        ),
        Rule::hardened(
            "When `stop` returns, every descriptor of the server is closed.",
            &[check("leaves no descriptor", leaves_no_descriptor)],
        ),
    ],
    cause: cause::diagnose,
};

/// The student's function. It gets the listener, and the function that serves one connection.
pub type Start = fn(TcpListener, fn(TcpStream)) -> io::Result<Stop>;

/// Stops a server within a limit. Returns how many connections it had to close.
pub type Stop = Box<dyn FnOnce(Duration) -> io::Result<usize> + Send>;

/// How long a client is silent, which is the subject: longer than the usual timeouts with which an
/// answer polls a flag. The silence ends early if the answer waits without a timeout.
const SILENT_FOR: Duration = Duration::from_millis(300);

fn serves_a_client_while_another_is_silent(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let silent = server.client("silent client")?;
    let second = server.client("second client")?;
    second.send(LINE)?;
    second.receives(LINE)?;
    silent.receives_nothing_for(SILENT_FOR).because(|case| {
        let closed = case.yours().is_none() && limited().is_some();
        closed.then(|| LIMITS_IT.to_owned())
    })?;
    silent.send(LINE)?;
    silent.receives(LINE)
}

/// More clients than the usual thread pool has threads.
const MANY: usize = 130;

fn serves_many_silent_clients(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let _silent = server.silent_clients(MANY)?;
    let last = server.client("last client")?;
    last.send(LINE)?;
    last.receives(LINE)
}

/// How late something may be that must happen immediately. Right answers take milliseconds.
const SOON: Duration = Duration::from_millis(900);

/// The length of the exam's own wait beside it.
const BESIDE: Duration = Duration::from_millis(100);

fn calls_serve_as_soon_as_a_client_connects(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    exam.comes_to_rest()?;
    // A busy machine may hide a pause from one client, but not from several.
    for name in [
        "first client",
        "second client",
        "third client",
        "fourth client",
    ] {
        let reference = exam.reference(BESIDE)?;
        let dialled = Instant::now();
        let client = server.client(name)?;
        let expected = format!("`serve` to be called for the {name} immediately");
        drain::is_soon(exam, reference, dialled, expected, "it was called")?;
        client.close();
    }
    Ok(())
}

fn returns_before_a_client_connects(exam: &Exam, start: Start) -> Verdict {
    let reference = exam.reference(BESIDE)?;
    let called = Instant::now();
    let _server = Server::start(exam, start)?;
    let expected = "`start` to return immediately";
    drain::is_soon(exam, reference, called, expected, "it has returned")
}

fn sets_no_option(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let client = server.client("client")?;
    client.send(LINE)?;
    client.receives(LINE)?;
    drain::serves_the_clients_in_the_queue(exam, start)?;
    exam.must(
        limited().is_none(),
        "`serve` to get a connection with default settings",
        limited().unwrap_or_default(),
    )
    .caused_by(LIMITS_IT)
}

const LIMITS_IT: &str = "Your code has set an option on the connection, or on the listener: a \
    connection that accept returns inherits the listener's options, SO_RCVTIMEO too. With a \
    timeout or O_NONBLOCK a read or write of `serve` fails that should wait. Do not set options on \
    connections. If the listener has a timeout, clear it on each connection with \
    set_read_timeout(None).";

fn closes_the_connection_when_serve_returns(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    exam.comes_to_rest()?; // then it has opened what it accepts with
    let before = descriptors()?;
    for name in ["first client", "second client"] {
        let client = server.client(name)?;
        server.ends(&client)?;
        client.close();
        exam.must(
            exam.comes_true(|| Ok(descriptors()? <= before))?,
            "every descriptor of the connection to be closed",
            "one is open, and `serve` has returned",
        )
        .caused_by(
            "The client has got end of file, but a descriptor of its connection is still open: \
             shutdown sends a FIN but closes no descriptor. A server that leaks one descriptor per \
             client eventually runs out. Drop every handle when the call is over.",
        )?;
    }
    closes_a_connection_that_was_reset(exam, &server, before)
}

fn closes_a_connection_that_was_reset(exam: &Exam, server: &Server, before: usize) -> Verdict {
    let over = ended() + 1;
    server.client("third client")?.reset();
    let has_ended = exam.comes_true(|| Ok(ended() >= over))?;
    exam.must(
        has_ended,
        "`serve` to return after the reset",
        "it has not returned",
    )?;
    exam.must(
        exam.comes_true(|| Ok(descriptors()? <= before))?,
        "every descriptor of the connection to be closed",
        "one is open, and `serve` has returned",
    )
    .caused_by(
        "The client has reset its connection, and your code still has a handle of it. Drop every \
         handle when the call is over, however it has ended. On a connection that was reset \
         `peer_addr` and `shutdown` fail (ENOTCONN).",
    )
}

fn serves_the_next_client_after_a_reset(exam: &Exam, start: Start) -> Verdict {
    let listener = listening(exam, SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let addr = or_skip("read its address", listener.local_addr())?;
    exam.dial(addr)?.named("early client").reset(); // it stays in the accept queue
    let server = Server::with(exam, start, listener)?;
    server.client_after_a_reset("first client")?.reset();
    let second = server.client_after_a_reset("second client")?;
    server.ends(&second)?;
    let stop = server.stop(AMPLE)?;
    stops(exam, &stop, "when the calls are over")?;
    exam.must(problems().is_empty(), "no panic", "a thread has panicked")
        .caused_by(
            "A reset is an ordinary event: peers crash. After it `shutdown` and other calls on the \
             connection return an error, and `unwrap` turns that into a panic. Ignore the error: \
             the connection has ended.",
        )
}

/// The call of a client that has reset is not over at the limit. Its connection has ended already,
/// so it may be counted or not.
fn stops_while_a_call_goes_on_after_a_reset(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let hold = Hold::calls();
    server.client("first client")?.reset();
    let held = exam.comes_true(|| Ok(hold.count() > 0))?;
    exam.must(held, "the read of `serve` to fail", "it has not returned")?;
    exam.step("the read of `serve` has failed, and `serve` takes a moment to return");
    let silent = server.client("second client")?;
    let stop = server.stop(Duration::from_millis(50))?;
    exam.comes_true(|| Ok(hold.count() > 1 || stop.has_ended()))?;
    drop(hold);
    stops(exam, &stop, "when the last call has returned").because(|case| {
        case.has_returned_error(ErrorKind::NotConnected).then(|| {
            "At the limit the first connection had been reset, and `serve` had not returned. On a \
             connection that was reset `shutdown` fails with ENOTCONN. Ignore that error: close \
             the other connections, join all threads, and return how many calls were left."
                .to_owned()
        })
    })?;
    silent.close();
    Ok(())
}

fn waits_without_spinning(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let silent = server.client("silent client")?;
    let waits = || {
        processor::must_wait(
            exam,
            "Nothing happens, and a thread of yours runs without waiting. It looks again and \
             again, or polls a descriptor that stays readable, such as an eventfd that is not \
             read. Let it block in poll or in accept.",
        )
    };
    waits()?;
    let other = server.client("other client")?;
    server.ends(&other)?;
    waits()?;

    // `stop` has calls to wait for, of which one ends.
    let other = server.client("other client")?;
    let addr = server.addr;
    let stop = server.stop(AMPLE)?;
    closes_its_listener(exam, addr)?;
    let served = other.send(LINE).and_then(|()| other.receives(LINE));
    served.because(|_| Some(drain::CUT_EARLY.to_owned()))?;
    other.ends()?;
    processor::must_wait(exam, cause::SPINS_WHILE_IT_STOPS)?;
    silent.close();
    stops(exam, &stop, "when the last call is over").map(drop)
}

fn stops_immediately_when_idle(exam: &Exam, start: Start) -> Verdict {
    let addresses: [IpAddr; 5] = [
        Ipv4Addr::LOCALHOST.into(),
        Ipv4Addr::new(127, 0, 0, 2).into(),
        Ipv4Addr::UNSPECIFIED.into(),
        Ipv6Addr::LOCALHOST.into(),
        Ipv6Addr::UNSPECIFIED.into(),
    ];
    for ip in addresses {
        let addr = SocketAddr::new(ip, 0);
        if TcpListener::bind(addr).is_err() {
            continue; // a machine without IPv6
        }
        let server = Server::on(exam, start, addr)?;
        let addr = server.addr;
        let reference = exam.reference(BESIDE)?;
        let called = Instant::now();
        let stop = server.stop(AMPLE)?;
        stops(exam, &stop, "when no call is under way")?;
        let expected = "`stop` to return immediately: no call is under way";
        drain::is_soon(exam, reference, called, expected, "it has returned")?;
        let closed = closes_its_listener(exam, addr)?;
        exam.must(closed, "no row in LISTEN", "there is one")
            .because(|case| Some(cause::listens_still(case)))?;
    }
    Ok(())
}

/// A server that has served one client, and closed the connection of another at the limit. `stop`
/// has returned, and the clients are closed.
fn is_stopped(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let (over, silent) = (
        server.client("first client")?,
        server.client("silent client")?,
    );
    server.ends(&over)?;
    let stop = server.stop(Duration::from_millis(50))?;
    stops(exam, &stop, "after a limit of 50ms")?;
    over.close();
    silent.close();
    Ok(())
}

/// A server whose last call has ended long before the limit.
fn is_stopped_early(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let (client, addr) = (server.client("client")?, server.addr);
    let stop = server.stop(AMPLE)?;
    closes_its_listener(exam, addr)?;
    client.close();
    stops(exam, &stop, "when the last call has returned").map(drop)
}

/// A server that has stopped without a call to wait for.
fn is_stopped_when_idle(exam: &Exam, start: Start) -> Verdict {
    let stop = Server::start(exam, start)?.stop(AMPLE)?;
    stops(exam, &stop, "when no call is under way").map(drop)
}

/// The limit has ended what a call waited for, and the call does not return at once: its thread is
/// the server's until then.
fn is_stopped_with_a_call_that_returns_late(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let silent = server.client("silent client")?;
    let hold = Hold::calls();
    let stop = server.stop(Duration::from_millis(50))?;
    let held = exam.comes_true(|| Ok(hold.count() > 0))?;
    exam.must(
        held,
        "the read of `serve` to end at the limit",
        "it has not ended",
    )
    .because(cause::does_not_stop)?;
    exam.step("the read of `serve` has ended, and `serve` takes a moment to return");
    stop.goes_on("a call has not returned, so its thread is left")
        .caused_by(
            "`stop` has shut the connection down and returned, and `serve` still runs: after \
             shutdown a call needs a moment to return. Join the thread of each call, also of those \
             that the limit has ended. You may assume that they return.",
        )?;
    drop(hold);
    stops(exam, &stop, "when the last call has returned")?;
    silent.close();
    Ok(())
}

fn leaves_no_thread(exam: &Exam, start: Start) -> Verdict {
    for stops in [
        is_stopped_when_idle,
        is_stopped_early,
        is_stopped,
        is_stopped_with_a_call_that_returns_late,
    ] {
        stops(exam, start)?;
        exam.must_leave_no_thread(
            "no thread of the server to be left",
            "`stop` has returned, and a thread is left",
        )
        .diagnose(&[LEAVES_A_THREAD])?;
    }
    Ok(())
}

fn leaves_no_descriptor(exam: &Exam, start: Start) -> Verdict {
    for stops in [is_stopped_when_idle, is_stopped] {
        let before = descriptors()?;
        stops(exam, start)?;
        let closed = exam.comes_true(|| Ok(descriptors()? <= before))?;
        exam.must(closed, "every descriptor of the server to be closed", {
            let left = descriptors()?.saturating_sub(before);
            format!("`stop` has returned, and {left} more are open than before `start`")
        })
        .caused_by(
            "`stop` has returned, and a descriptor that the server opened is still open: an \
             eventfd, an end of a pipe, or a handle of a listener or connection. A descriptor is \
             closed when its owner is dropped. `mem::forget`, a thread that still runs and an Arc \
             that is kept prevent that.",
        )?;
    }
    Ok(())
}
