//! What a server can do wrong when it is stopped, by what the kernel shows.

use std::io::{self, ErrorKind};

use socket_workshop::table::State;

use super::server::{begun, ended, limit_is_far, stopping, would_block};

use crate::exam::{Call, Case, Seen, Stuck, Whose};

/// One of the answer's sockets is in LISTEN.
fn listens(case: &Case) -> bool {
    let listens = |seen: &Seen| seen.row.state == State::Listen;
    case.evidence.yours().any(listens)
}

/// `start` has not returned.
pub(super) fn starts_late(case: &Case) -> Option<String> {
    case.is_blocked_in(&[Call::Accept, Call::Poll]).then(|| {
        "The thread that called `start` waits for clients itself. Let another thread accept, and return \
         what `stop` needs to reach it."
            .to_owned()
    })
}

/// A client has connected, and `serve` was not called for it.
pub(super) fn not_served(case: &Case) -> Option<String> {
    let queued = |seen: &Seen| seen.row.state == State::Listen && seen.row.recv_q > 0;
    let cause = if case.panicked {
        "A thread of yours has panicked, and whatever it was to do is not done: if it is the one that \
         accepts, nobody does any more. An error of one connection is an ordinary event."
    } else if !listens(case) {
        "None of your sockets is in LISTEN any more: the listener was dropped, or its thread has ended."
    } else if case.evidence.yours().any(queued) && case.is_blocked_in(&[Call::Read]) {
        "The connection waits in the accept queue (Recv-Q of the LISTEN row), and a thread of yours in a \
         read, for another client. What accepts must do nothing else: a thread for each call."
    } else if case.evidence.yours().any(queued) {
        "The connection waits in the accept queue (Recv-Q of the LISTEN row): nobody accepts it."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// A call is over, and its client hears nothing of it.
pub(super) fn stays_open(case: &Case) -> Option<String> {
    let Whose::Yours(fd) = case.yours()?.whose else {
        return None;
    };
    if ended() < begun() {
        return None;
    }
    Some(format!(
        "`serve` has returned and dropped its stream, but fd {fd} leads to the connection too: a handle \
         that was cloned and kept. Dropping closes a handle, and the FIN is sent with the last one. \
         Whatever is kept to cut a call off must go when the call is over."
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
        "A thread of yours has panicked. What a call on a socket returns at the end of a connection may \
         be an error: it is no reason to stop in the middle of stopping."
    } else if hangs && listens(case) && case.is_blocked_in(&[Call::Accept]) {
        "A thread of yours waits in accept, and nothing wakes it. It looks at no flag while it waits, and \
         a handle of the listener that is dropped elsewhere closes nothing: the row is in LISTEN still. \
         Connect to it where local_addr tells it to be, or let it wait in poll, or with a timeout, for the wish as well."
    } else if case.is_blocked_in(&[Call::Connect]) {
        "A thread of yours waits for a connection that nobody answers."
    } else if !limit_is_far() && calls > 0 && case.is_blocked_in(&[Call::Read, Call::Write]) {
        "`stop` waits for calls, and these wait for their clients. At the limit it is for you to end \
         that: shutdown(Both) on another handle of a connection wakes whoever reads or writes there."
    } else if calls == 0 && ended() == begun() && case.is_blocked_in(&[Call::Sleep]) {
        "A thread of yours sleeps. No call is under way, so that there is nothing to wait for."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// `stop` has returned an error.
pub(super) fn fails(error: &io::Error) -> Option<String> {
    (error.kind() == ErrorKind::ConnectionRefused).then(|| {
        "`stop` has connected to an address where nobody listens. Either it is not the listener's, which may \
         be bound to any address (local_addr tells it), or the listener had been closed before."
            .to_owned()
    })
}

/// `stop` has returned, and a socket still listens.
pub(super) fn listens_still(case: &Case) -> String {
    let who = if case.is_blocked_in(&[Call::Accept, Call::Poll]) {
        "a thread of yours waits for the next client"
    } else {
        "a handle of the listener is still open"
    };
    format!(
        "`stop` has returned, and {who}: whoever connects is told that there is a server. Wake that \
         thread, and join it: then nobody holds the listener."
    )
}

/// What can go wrong in any check.
pub(super) fn likely(case: &Case) -> Option<String> {
    (!stopping() && would_block())
        .then(|| {
            "A read of a call has returned WouldBlock, and the call has ended without its line: your code \
             has set O_NONBLOCK on the connection, or a timeout, or accept has a timeout (SO_RCVTIMEO on the \
             listener), which the connections that it returns have too. Give `serve` a stream that blocks \
             for as long as it takes."
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
        "All calls are over, and `stop` waits on. The limit is the longest that it may wait: as soon as \
         the last call is over there is nothing left to wait for."
            .to_owned()
    })
}

/// The limit has passed, and a connection is open.
pub(super) fn left_open(case: &Case, has_returned: bool) -> Option<String> {
    has_returned.then(|| {
        "`stop` has returned, and a connection is open that nobody answers any more. Before it returns, \
         close what is left: shutdown(Both), and wait for the threads."
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
            "{closed} connections have been closed, {left} are still open: each got a limit of its own, \
             one after the other, or some were forgotten. Take one deadline for all: an Instant, from \
             which what remains is computed anew before each wait."
        ))
    } else if case.is_blocked_in(&[Call::Write]) {
        Some("The calls that waited in a read have ended, the one that waits in a write has not: its client \
         does not read. shutdown(Read) ends reads only, shutdown(Both) whatever a call waits for."
            .to_owned())
    } else {
        does_not_stop(case)
    }
}
