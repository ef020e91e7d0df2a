//! Checks of exercise 13: a server that stops by a limit, having served who was queued.

mod cause;
mod drain;
mod server;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use self::server::{LINE, Server, closes_its_listener, limited, listening, stopped};
use super::{Exercise, listener::processor};

use crate::exam::{AMPLE, Because, Exam, Rule, Suite, Verdict, check, descriptors, here, problems};

/// Exercise 13.
pub const EXERCISE: Exercise = Exercise {
    number: 13,
    name: "shutdown",
    task: "a server that stops within a limit, having served who was queued",
    hints: [
        "The thread that accepts must hear of two things, a client and the wish to stop, and accept hears \
         of one. Which of the lesson's four ways leaves the accept queue as it is? And for the limit: \
         which call ends a read, or a write, in which another thread is blocked?",
        "Let the thread wait in poll, for the listener (non-blocking) and for an eventfd \
         (`socket_workshop::stop::EventFd`) or one half of a socket pair. Once the wish is there: accept until WouldBlock, drop the listener, wait for the \
         calls, and at the limit shutdown(Both) on those that are left, by a second handle of each. That \
         handle must not outlive its call, or the client never sees the end.",
        "let handle = Arc::new(stream.try_clone()?); calls.push(Arc::downgrade(&handle)); let alive = \
         alive.clone(); scope.spawn(move || { let _keep = (handle, alive); serve(stream) }); and at the \
         end: drop(listener); drop(alive); let _ = all_over.recv_timeout(what_remains); for handle in \
         calls.iter().filter_map(Weak::upgrade) { let _ = handle.shutdown(Shutdown::Both); }",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 13 is held to.
pub const SUITE: Suite<Start> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "serves a client while another is silent",
                serves_a_client_while_another_is_silent,
            ),
            check(
                "closes a connection when its call is over",
                closes_a_connection_when_its_call_is_over,
            ),
            check(
                "goes on after a connection that was reset",
                goes_on_after_a_reset,
            ),
            check("waits without spinning", waits_without_spinning),
            check("stops at once when it is idle", stops_at_once_when_idle),
            check("serves who was queued", drain::serves_who_was_queued),
            check("refuses who comes after", drain::refuses_who_comes_after),
            check(
                "lets a call under way end",
                drain::lets_a_call_under_way_end,
            ),
            check(
                "closes what is left at the limit, and not before",
                drain::closes_what_is_left_at_the_limit,
            ),
            check(
                "has one limit for all, whatever they wait for",
                drain::has_one_limit_for_all,
            ),
            check(
                "leaves no thread and no descriptor",
                leaves_no_thread_and_no_descriptor,
            ),
        ],
    )],
    cause: cause::likely,
};

/// The student's function. What it is given to serve a client with returns when the call is over.
pub type Start = fn(TcpListener, fn(TcpStream)) -> io::Result<Stop>;

/// What stops a server within a limit. Returns how many connections it had to cut off.
pub type Stop = Box<dyn FnOnce(Duration) -> io::Result<usize> + Send>;

/// How long a client says nothing, which is the subject: longer than any timeout by which an answer looks
/// at a flag, most likely. One that waits without a timeout is not kept waiting so long.
const SILENT_FOR: Duration = Duration::from_millis(300);

fn serves_a_client_while_another_is_silent(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let silent = server.client("silent client")?;
    let second = server.client("second client")?;
    second.send(LINE)?;
    second.receives(LINE)?;
    silent.hears_nothing_for(SILENT_FOR).because(|case| {
        let closed = case.yours().is_none() && limited().is_some();
        closed.then(|| LIMITS_IT.to_owned())
    })?;
    silent.send(LINE)?;
    silent.receives(LINE)?;
    let seen = limited().unwrap_or_default();
    exam.must(
        limited().is_none(),
        "nothing but `serve` to limit a connection",
        format!("`serve` was given a stream with {seen}"),
    )
    .caused_by(LIMITS_IT)
}

const LIMITS_IT: &str = "`serve` was given a stream with a limit, by which its read or its write fails. \
    Either your code has set it on the stream, or on the listener: if accept has a timeout (SO_RCVTIMEO on \
    the listener), the connections that it returns have it too. Take it off with set_read_timeout(None). How \
    long a call waits is for `serve` to say.";

fn closes_a_connection_when_its_call_is_over(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    for name in ["first client", "second client"] {
        let client = server.client(name)?;
        client.send(LINE)?;
        client.receives(LINE)?;
        client.ends().because(cause::stays_open)?;
    }
    Ok(())
}

fn goes_on_after_a_reset(exam: &Exam, start: Start) -> Verdict {
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
    stopped(exam, &stop, "when the calls are over", 0)?;
    exam.must(problems().is_empty(), "no panic", "a thread has panicked")
        .caused_by("A reset is an error of one connection, and an ordinary event: peers crash.")
}

fn waits_without_spinning(exam: &Exam, start: Start) -> Verdict {
    let server = Server::start(exam, start)?;
    let _silent = server.client("silent client")?;
    processor::must_wait(
        exam,
        "Nothing happens, and your threads look again and again whether it does. Let them wait: in \
             poll, in accept, or, if need be, for some milliseconds between two looks.",
    )
}

fn stops_at_once_when_idle(exam: &Exam, start: Start) -> Verdict {
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
        let stop = server.stop(AMPLE)?;
        stopped(exam, &stop, "when no call is under way", 0)?;
        let closed = closes_its_listener(exam, addr)?;
        exam.must(closed, "no row in LISTEN", "there is one")
            .because(|case| Some(cause::listens_still(case)))?;
    }
    Ok(())
}

fn leaves_no_thread_and_no_descriptor(exam: &Exam, start: Start) -> Verdict {
    let before = descriptors()?;
    let server = Server::start(exam, start)?;
    let (over, silent) = (
        server.client("first client")?,
        server.client("silent client")?,
    );
    over.send(LINE)?;
    over.receives(LINE)?;
    over.ends().because(cause::stays_open)?;
    let stop = server.stop(Duration::from_millis(50))?;
    stopped(exam, &stop, "after a limit of 50ms", 1)?;
    over.close();
    silent.close();
    exam.must(
        exam.has_no_thread_left()?,
        "no thread of yours to be left",
        "one is left",
    )
    .caused_by(
        "`stop` has returned, and a thread goes on. Nobody will ever wait for it again: join what \
             you have started.",
    )?;
    let closed = exam.comes_true(|| Ok(descriptors()? <= before))?;
    exam.must(closed, "no descriptor of yours to be left", {
        let left = descriptors()?.saturating_sub(before);
        format!("{left} more than before `start`")
    })
    .caused_by(
        "The server is gone, and something that it has opened is not: what wakes the thread that accepts, \
         or a handle of a connection, was forgotten instead of dropped.",
    )
}
