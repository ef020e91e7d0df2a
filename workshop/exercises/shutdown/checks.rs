//! Checks of exercise 13: a server that stops within a limit, and serves the clients in its accept
//! queue.

mod cause;
mod drain;
mod limit;
mod server;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use self::server::{LINE, Server, Soon, closes_its_listener, limited, listening, stopped};
use super::{Exercise, listener::processor};

use crate::exam::{
    AMPLE, Because, Exam, Rule, Suite, Verdict, check, descriptors, diagnosis::LEAVES_A_THREAD,
    here, problems,
};

/// Exercise 13.
pub const EXERCISE: Exercise = Exercise {
    number: 13,
    name: "shutdown",
    task: "a server that stops within a limit, and serves the clients in its accept queue",
    hints: [
        "The thread that accepts must wait for two things, a client and the stop signal, and \
         accept waits for one. Which of the lesson's four ways leaves the accept queue as it is? \
         And for the limit: which call ends a read, or a write, in which another thread is \
         blocked?",
        "Let the thread wait in poll, for the listener (non-blocking) and for an eventfd \
         (`socket_workshop::stop::EventFd`) or one half of a socket pair. After the stop signal \
         accept until WouldBlock, drop the listener, and wait for the calls. At the limit call \
         shutdown(Both) on the connections that are left, through a second handle of each. Drop \
         that handle when the call is over, or its client never reads end of file.",
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
            "`start` returns immediately. Other threads accept and serve.",
            &[check("returns from start immediately", returns_from_start)],
        ),
        Rule::core(
            "Call `serve` for each client as soon as it connects, on a thread of its own, \
             whatever the other clients do.",
            &[
                check(
                    "serves a client while another is silent",
                    serves_while_another_is_silent,
                ),
                check("serves many clients at once", serves_many_at_once),
                check(
                    "serves each client as soon as it connects",
                    serves_as_soon_as_it_connects,
                ),
            ],
        ),
        Rule::core(
            "Close a connection when its `serve` has returned.",
            &[check(
                "closes a connection when its call is over",
                closes_when_the_call_is_over,
            )],
        ),
        Rule::core(
            "Do not read from a connection, write to it, or set an option on it. How long a \
             call waits is for `serve` to say.",
            &[
                check(
                    "leaves the options of a connection alone",
                    leaves_the_options_alone,
                ),
                check(
                    "leaves the options of a queued client alone",
                    drain::leaves_the_options_alone,
                ),
            ],
        ),
        Rule::core(
            "`stop` returns immediately if no call is under way, whatever address the \
             listener has.",
            &[check(
                "stops an idle server immediately",
                stops_an_idle_server,
            )],
        ),
        Rule::core(
            "After `stop` was called, refuse new clients, even while calls are under way: no \
             socket of yours is in LISTEN.",
            &[check(
                "refuses new clients while calls go on",
                drain::refuses_new_clients,
            )],
        ),
        Rule::core(
            "`stop` leaves the calls under way alone until the limit. It returns as soon as \
             the last one is over.",
            &[
                check("lets the calls under way end", drain::lets_calls_end),
                check(
                    "leaves the calls alone until the limit",
                    drain::leaves_calls_alone,
                ),
                check(
                    "returns as soon as the last call is over",
                    drain::returns_after_the_last_call,
                ),
            ],
        ),
        Rule::core(
            "At the limit close every connection that is left, whatever its call waits for, \
             and return. The limit is one for all calls.",
            &[
                check(
                    "closes what is left at the limit",
                    limit::closes_what_is_left,
                ),
                check("has one limit for all calls", limit::has_one_limit),
                check(
                    "keeps the limit while calls end",
                    limit::calls_that_end_do_not_move_it,
                ),
            ],
        ),
        Rule::core(
            "`stop` returns the number of connections that it closed at the limit.",
            &[check(
                "returns the number of closed connections",
                limit::returns_the_number,
            )],
        ),
        Rule::hardened(
            "Serve every client that was in the accept queue when `stop` was called.",
            &[check(
                "serves the clients in the accept queue",
                drain::serves_the_queue,
            )],
        ),
        Rule::hardened(
            "A connection that is reset ends its own call and nothing else. Do not panic.",
            &[check("continues after a reset", continues_after_a_reset)],
        ),
        Rule::hardened(
            "Wait without spinning. While nothing happens, your threads use at most a \
             twentieth of a processor.",
            &[check("waits without spinning", waits_without_spinning)],
        ),
        Rule::hardened(
            "A limit of zero has passed already: close every connection, and return.",
            &[check(
                "closes every connection if the limit is zero",
                limit::closes_at_once,
            )],
        ),
        Rule::hardened(
            "Leave no thread and no descriptor behind when `stop` has returned.",
            &[check(
                "leaves no thread and no descriptor behind",
                leaves_nothing_behind,
            )],
        ),
    ],
    cause: cause::diagnose,
};

/// The student's function. What it is given to serve a client with returns when the call is over.
pub type Start = fn(TcpListener, fn(TcpStream)) -> io::Result<Stop>;

/// What stops a server within a limit. Returns how many connections it closed at the limit.
pub type Stop = Box<dyn FnOnce(Duration) -> io::Result<usize> + Send>;

/// How long a client is silent, which is the subject: longer than any timeout by which an answer
/// looks at a flag, most likely. One that waits without a timeout is not kept waiting so long.
const SILENT_FOR: Duration = Duration::from_millis(300);

/// More clients than a pool of threads usually has room for.
const MANY: usize = 100;

fn returns_from_start(exam: &Exam, start: Start) -> Verdict {
    let soon = Soon::from_now(exam)?;
    let server = Server::start(exam, start)?;
    soon.has_come(exam, "`start` to return immediately", cause::SLEEPS)?;
    let client = server.client("client")?;
    client.send(LINE)?;
    client.receives(LINE)
}

fn serves_while_another_is_silent(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let silent = server.client("silent client")?;
    let second = server.client("second client")?;
    second.send(LINE)?;
    second.receives(LINE)?;
    silent.hears_nothing_for(SILENT_FOR).because(|case| {
        let closed = case.yours().is_none() && limited().is_some();
        closed.then(|| cause::SETS_AN_OPTION.to_owned())
    })?;
    silent.send(LINE)?;
    silent.receives(LINE)
}

fn serves_many_at_once(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let _silent = server.silent_clients(MANY)?;
    let last = server.client("last client")?;
    last.send(LINE)?;
    last.receives(LINE)
}

fn serves_as_soon_as_it_connects(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    for name in ["first client", "second client", "third client"] {
        exam.comes_to_rest()?;
        let soon = Soon::from_now(exam)?;
        let client = server.client(name)?;
        soon.has_come(
            exam,
            "`serve` to be called as soon as the client connects",
            cause::SLEEPS,
        )?;
        client.send(LINE)?;
        client.receives(LINE)?;
    }
    Ok(())
}

fn leaves_the_options_alone(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    for name in ["first client", "second client"] {
        let client = server.client(name)?;
        sets_no_option(exam)?; // first: an option may end the call
        client.send(LINE)?;
        client.receives(LINE)?;
    }
    Ok(())
}

/// `serve` has got its streams as accept returned them.
fn sets_no_option(exam: &Exam) -> Verdict {
    let seen = limited().unwrap_or_default();
    exam.must(
        limited().is_none(),
        "a stream with no option set",
        format!("`serve` was given a stream with {seen}"),
    )
    .caused_by(cause::SETS_AN_OPTION)
}

fn closes_when_the_call_is_over(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    for name in ["first client", "second client"] {
        let client = server.client(name)?;
        client.send(LINE)?;
        client.receives(LINE)?;
        client.ends().because(cause::stays_open)?;
    }
    Ok(())
}

fn continues_after_a_reset(exam: &Exam, start: Start) -> Verdict {
    let listener = listening(exam, SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let addr = here("read its address", listener.local_addr())?;
    exam.dial(addr)?.named("early client").reset(); // it stays in the accept queue
    let server = Server::with(exam, start, listener)?;
    server.client("first client")?.reset();
    let second = server.client("second client")?;
    second.send(LINE)?;
    second.receives(LINE)?;
    second.ends().because(cause::stays_open)?;
    let stop = server.stop(AMPLE)?;
    stopped(&stop, "when the calls are over")?;
    exam.must(problems().is_empty(), "no panic", "a thread has panicked")
        .caused_by(cause::PANICS_AT_A_RESET)
}

fn waits_without_spinning(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let _silent = server.client("silent client")?;
    processor::must_wait(
        exam,
        "Nothing happens, and your threads look for work again and again. Let them wait in poll or \
         accept, or at least for some milliseconds between two looks.",
    )
}

fn stops_an_idle_server(exam: &Exam, start: Start) -> Verdict {
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
        exam.comes_to_rest()?;
        let soon = Soon::from_now(exam)?;
        let stop = server.stop(AMPLE)?;
        stopped(&stop, "when no call is under way")?;
        soon.has_come(exam, "`stop` to return immediately", cause::SLEEPS)?;
        let closed = closes_its_listener(exam, addr)?;
        exam.must(
            closed,
            "no row in LISTEN",
            "there is one; `stop` has returned",
        )
        .because(|case| Some(cause::listens_still(case)))?;
    }
    Ok(())
}

/// The limit where calls are to be cut off, and time is not the subject.
const BRIEF: Duration = Duration::from_millis(50);

fn leaves_nothing_behind(exam: &Exam, start: Start) -> Verdict {
    for limit in [BRIEF, AMPLE] {
        let before = descriptors()?;
        let server = Server::start(exam, start)?;
        let (over, silent) = (
            server.client("first client")?,
            server.client("silent client")?,
        );
        over.send(LINE)?;
        over.receives(LINE)?;
        over.ends().because(cause::stays_open)?;
        let stop = server.stop(limit)?;
        if limit == AMPLE {
            silent.send(LINE)?; // its call ends before the limit
            silent.receives(LINE)?;
        }
        stopped(&stop, "at the limit, or when the last call is over")?;
        over.close();
        silent.close();
        exam.must(
            exam.has_no_thread_left()?,
            "no thread of yours to be left",
            "`stop` has returned, and one is left",
        )
        .diagnose(&[LEAVES_A_THREAD])?;
        let closed = exam.comes_true(|| Ok(descriptors()? <= before))?;
        exam.must(closed, "no descriptor of yours to be left", {
            let left = descriptors()?.saturating_sub(before);
            format!("`stop` has returned, and {left} more are open than before `start`")
        })
        .caused_by(
            "Your code opened a descriptor and did not close it: the one that wakes the thread \
             that accepts, or a second handle of a connection. Drop both before `stop` returns.",
        )?;
    }
    Ok(())
}
