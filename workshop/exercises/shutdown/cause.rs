//! What a server can do wrong when it is stopped, by what the kernel shows.

use std::io::ErrorKind;

use socket_workshop::table::State;

use super::server::{begun, ended, limit_is_far, limited, stopping, would_block};

use crate::exam::{Call, Case, Seen, Stuck, Whose};

/// What must happen immediately came late.
pub(super) const SLEEPS: &str = "Your code looks only now and then whether something has happened, \
    or sleeps before it does its work. Wait for the event itself: poll on the listener and an \
    eventfd, a join, or a channel.";

/// `serve` was given a stream that is not as accept returns it.
pub(super) const SETS_AN_OPTION: &str = "`serve` was given a stream that has an option set. Either \
    your code has set it on the stream, or on the listener: if accept has a timeout (SO_RCVTIMEO \
    on the listener), Linux hands it on to the connections that it returns. Clear it with \
    set_read_timeout(None). A timeout, O_NONBLOCK or SO_LINGER changes what the calls do, which is \
    for `serve` to decide.";

/// A panic at the end of a connection that was reset.
pub(super) const PANICS_AT_A_RESET: &str = "A reset is an ordinary event. After it calls on that \
    connection fail, `shutdown` and `peer_addr` too (ENOTCONN), and `unwrap` and `expect` turn \
    that into a panic. Ignore the error: the connection is over.";

/// One of the answer's sockets is in LISTEN.
fn listens(case: &Case) -> bool {
    let listens = |seen: &Seen| seen.row.state == State::Listen;
    case.evidence.yours().any(listens)
}

/// `start` has not returned.
pub(super) fn starts_late(case: &Case) -> Option<String> {
    case.is_blocked_in(&[Call::Accept, Call::Poll]).then(|| {
        "The thread that called `start` waits for clients. Let another thread accept, and return \
         what `stop` needs to reach that thread."
            .to_owned()
    })
}

/// A client has connected, and `serve` was not called for it.
pub(super) fn not_served(case: &Case) -> Option<String> {
    let queued = |seen: &Seen| seen.row.state == State::Listen && seen.row.recv_q > 0;
    let calls = begun().saturating_sub(ended());
    if !case.panicked && calls > 1 && case.evidence.yours().any(queued) {
        return Some(format!(
            "The connection waits in the accept queue (Recv-Q of the LISTEN row): your code serves \
             {calls} clients and accepts no more. A pool of threads or a limit makes the next \
             client wait until another one has finished. Start a thread for each client."
        ));
    }
    let cause = if case.panicked {
        "A thread of yours has panicked. If it is the one that accepts, no client is accepted any \
         more. An error of one connection is an ordinary event: handle it, and go on."
    } else if !listens(case) {
        "None of your sockets is in LISTEN any more: the listener was dropped, or its thread has \
         ended. Keep it open until `stop` is called."
    } else if case.evidence.yours().any(queued) && case.is_blocked_in(&[Call::Read]) {
        "The connection waits in the accept queue (Recv-Q of the LISTEN row), and a thread of \
         yours waits in a read for another client. The thread that accepts must do nothing else: \
         start a thread for each call."
    } else if case.evidence.yours().any(queued) {
        "The connection waits in the accept queue (Recv-Q of the LISTEN row), and none of your \
         threads accepts it. Accept every client as soon as it connects."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// A call is over, and its client gets no end of file.
pub(super) fn stays_open(case: &Case) -> Option<String> {
    let Whose::Yours(fd) = case.yours()?.whose else {
        return None;
    };
    if ended() < begun() {
        return None;
    }
    Some(format!(
        "`serve` has returned and dropped its stream, but descriptor {fd} is still open: a clone \
         of the stream that your code keeps. The kernel sends the FIN when the last handle is \
         closed. Drop the handle that you keep for the limit when the call is over."
    ))
}

/// `stop` has not returned, or not as it should. Before it is called no thread has to be woken.
pub(super) fn does_not_stop(case: &Case) -> Option<String> {
    if !stopping() {
        return None;
    }
    let calls = case
        .evidence
        .yours()
        .filter(|seen| seen.row.state != State::Listen);
    let calls = calls.count();
    let hangs = matches!(case.stuck, Some(Stuck::Hang(_)));
    let cause = if case.panicked {
        "A thread of yours has panicked while the server stops. A call on a socket may fail when \
         the connection has ended: ignore such an error, and go on."
    } else if hangs && listens(case) && case.is_blocked_in(&[Call::Accept]) {
        "A thread of yours waits in accept, and nothing wakes it. It cannot look at a flag while \
         it waits, and dropping another handle of the listener does not end the accept. Let it \
         wait in poll, for the listener and the stop signal, or connect to the address that \
         local_addr returns."
    } else if case.is_blocked_in(&[Call::Connect]) {
        "A thread of yours waits in connect, and the SYN is not answered. Connect to the address \
         that local_addr returns, or use poll and an eventfd."
    } else if !limit_is_far() && calls > 0 && case.is_blocked_in(&[Call::Read, Call::Write]) {
        "`stop` waits for calls, and these wait for their clients. At the limit your code must end \
         that: shutdown(Both) on another handle of a connection ends every read and write of it."
    } else if calls == 0 && ended() == begun() && case.is_blocked_in(&[Call::Sleep]) {
        "A thread of yours sleeps, and no call is under way: there is nothing to wait for. Return \
         as soon as the last call is over."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// `stop` has returned an error.
pub(super) fn fails(case: &Case) -> Option<String> {
    let cause = if case.has_returned_error(ErrorKind::ConnectionRefused) {
        "`stop` has connected to an address at which nothing listens. Either it is not the \
         listener's: local_addr returns that, and it may be any address. Or the listener was \
         already closed."
    } else if case.has_returned_error(ErrorKind::InvalidInput) {
        "Most likely your code passed a duration of zero to `set_read_timeout` or a similar call, \
         which refuses it with InvalidInput. If nothing remains until the deadline, do not wait at \
         all."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// `stop` has returned, and a socket still listens.
pub(super) fn listens_still(case: &Case) -> String {
    let who = if case.is_blocked_in(&[Call::Accept, Call::Poll]) {
        "a thread of yours waits for the next client"
    } else {
        "a handle of the listener is still open"
    };
    format!(
        "`stop` has returned, and {who}: the kernel still completes connections, which are never \
         served. Wake that thread, join it, and drop the listener."
    )
}

/// What can go wrong in any check.
pub(super) fn diagnose(case: &Case) -> Option<String> {
    if limited().is_some_and(|option| option.contains("SO_LINGER")) {
        return Some(SETS_AN_OPTION.to_owned());
    }
    (!stopping() && would_block())
        .then(|| {
            "A read of a call returned WouldBlock, and the call ended without its line. Your code \
             has set O_NONBLOCK or a timeout on the connection, or a timeout on the listener \
             (SO_RCVTIMEO), which Linux hands on to the connections that accept returns. Clear it \
             before you call `serve`."
                .to_owned()
        })
        .or_else(|| does_not_stop(case))
}

/// `stop` goes on, and so does the listener.
pub(super) fn accepts_still(case: &Case) -> Option<String> {
    case.is_blocked_in(&[Call::Accept])
        .then(|| does_not_stop(case))
        .flatten()
}

/// All calls are over, and `stop` has not returned.
pub(super) fn waits_on(case: &Case) -> String {
    does_not_stop(case).unwrap_or_else(|| {
        "All calls are over, and `stop` still waits. The limit is the longest that it may wait: \
         return as soon as the last call is over."
            .to_owned()
    })
}

/// The limit has passed, and a connection is open.
pub(super) fn left_open(case: &Case, has_returned: bool) -> Option<String> {
    has_returned
        .then(|| {
            "`stop` has returned, and a connection is open. Before you return, shut down what is \
             left (shutdown(Both)), and wait for its threads."
                .to_owned()
        })
        .or_else(|| does_not_stop(case))
}

/// The limit has long passed, and `stop` has not returned: there were so many connections.
pub(super) fn some_are_left(case: &Case, all: usize) -> Option<String> {
    let listening = |seen: &&Seen| seen.row.state != State::Listen;
    let left = case.evidence.yours().filter(listening).count();
    if left == 0 || left >= all {
        return does_not_stop(case);
    }
    let closed = all - left;
    if case.is_blocked_in(&[Call::Read]) {
        Some(format!(
            "{closed} connections have been closed, and {left} are still open. Either each call \
             gets the whole limit, one after the other, or your code does not close all of them. \
             Compute one deadline (an `Instant`) for all calls, and before each wait compute what \
             remains."
        ))
    } else if case.is_blocked_in(&[Call::Write]) {
        Some(
            "The calls that waited in a read have ended. The one that waits in a write has not: \
             its client does not read. shutdown(Read) ends reads only. Use shutdown(Both), which \
             ends every wait."
                .to_owned(),
        )
    } else {
        does_not_stop(case)
    }
}
