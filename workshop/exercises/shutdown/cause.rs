//! What a server can do wrong when it is stopped, by what the kernel shows.

use std::{
    fs,
    io::{self, ErrorKind},
};

use socket_workshop::table::{End, State};

use super::server::{begun, ended, limit_is_far, stopping, would_block};

use crate::exam::{Call, Case, Doing, Owner, Seen, Stuck};

/// One of the answer's sockets is in LISTEN.
fn listens(case: &Case) -> bool {
    let listens = |seen: &Seen| seen.row.state == State::Listen;
    case.evidence.yours().any(listens)
}

/// `start` has not returned.
pub(super) fn starts_late(case: &Case) -> Option<String> {
    case.is_blocked_in(&[Call::Accept, Call::Poll]).then(|| {
        "The thread that called `start` waits for clients. Start another thread that accepts, and \
         return what `stop` needs to wake it."
            .to_owned()
    })
}

const PANICKED: &str = "A thread of yours has panicked. If it is the one that accepts, no client \
    is accepted any more. An error of one connection is an ordinary event: handle it, and accept \
    the next.";

/// A client has reset its connection, and the server does not go on.
pub(super) fn ends_at_a_reset(case: &Case) -> Option<String> {
    let cause = if case.panicked {
        PANICKED
    } else if !listens(case) && case.evidence.threads.is_empty() {
        "A client has reset its connection, and no thread of yours is left: most likely the thread \
         that accepts has returned an error of that connection. After a reset `peer_addr` fails \
         with ENOTCONN, also if the client has reset in the accept queue. Let an error of one \
         connection end that connection only, and accept the next."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// A client has connected, and `serve` was not called for it.
pub(super) fn not_served(case: &Case) -> Option<String> {
    let queued = |seen: &Seen| seen.row.state == State::Listen && seen.row.recv_q > 0;
    let reads_first = case.evidence.yours().any(|seen| is_read(case, seen));
    if reads_first && begun() == ended() && !case.panicked {
        return Some(
            "Your code has accepted the connection, and waits in a read on it before it calls \
             `serve`. A client need not send anything first: call `serve` as soon as accept has \
             returned the connection."
                .to_owned(),
        );
    }
    let cause = if case.panicked {
        PANICKED
    } else if !listens(case) {
        "None of your sockets is in LISTEN any more: the listener was dropped, or its thread has \
         ended."
    } else if case.evidence.yours().any(queued) && case.is_blocked_in(&[Call::Read]) {
        "The connection waits in the accept queue (Recv-Q of the LISTEN row), and a thread of \
         yours waits in a read for another client. Call `serve` on a separate thread for each \
         connection, and let the thread that accepts do nothing else."
    } else if case.evidence.yours().any(queued) {
        "The connection waits in the accept queue (Recv-Q of the LISTEN row), and no thread \
         accepts it. Let a thread accept as long as the server runs."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// Whether a thread waits for bytes on this connection, by whichever handle.
fn is_read(case: &Case, seen: &Seen) -> bool {
    let socket = format!("socket:[{}]", seen.row.inode);
    let leads_to_it = |fd: i32| {
        let link = fs::read_link(format!("/proc/self/fd/{fd}"));
        link.is_ok_and(|to| to.as_os_str() == socket.as_str())
    };
    case.evidence.threads.iter().any(|doing| match doing {
        Doing::Blocked {
            call: Call::Read,
            fd: Some(fd),
        } => leads_to_it(*fd),
        _ => false,
    })
}

/// Clients wait, and one more of them is served when another connects.
pub(super) fn accepts_one_for_each_event(case: &Case, one_more_begins: bool) -> Option<String> {
    let mut yours = case.evidence.yours();
    let listener = yours.find(|seen| seen.row.state == State::Listen)?;
    let queued = listener.row.recv_q;
    let hangs = matches!(case.stuck, Some(Stuck::Hang(_))) && !case.panicked;
    (one_more_begins && hangs && queued > 0).then(|| {
        format!(
            "{queued} clients wait in the accept queue (Recv-Q of the LISTEN row). When another \
             client connected, your code accepted one, and left the others there. So it calls \
             accept once for each event, and one event may stand for several clients: EPOLLET \
             reports new ones only. After each event accept until WouldBlock, or wait without \
             EPOLLET: poll then reports the listener as long as a client waits."
        )
    })
}

/// Only some of the clients are served, although all are silent.
pub(super) fn serves_some(case: &Case, calls: usize) -> Option<String> {
    (!case.panicked && calls > 1 && listens(case)).then(|| {
        format!(
            "{calls} calls are under way, and the next client is not served: your code limits the \
             number of calls, for example with a thread pool. Silent clients then block all \
             others. Start a thread for each connection."
        )
    })
}

/// The clients of the accept queue are served one after the other.
pub(super) fn serves_in_turn(case: &Case) -> Option<String> {
    (!case.panicked && case.is_blocked_in(&[Call::Read])).then(|| {
        "`serve` runs for another client of the queue, and waits in a read. Also after the stop \
         signal, call `serve` on a separate thread for each connection: a silent client then \
         delays no other."
            .to_owned()
    })
}

/// A call is over, and its client does not get end of file from this end of the connection.
pub(super) fn stays_open(case: &Case, end: End) -> Option<String> {
    let mut yours = case.evidence.yours();
    let seen = yours.find(|seen| seen.row.end() == end)?;
    let Owner::Yours(fd) = seen.owner else {
        return None;
    };
    if case.panicked {
        return None;
    }
    Some(format!(
        "`serve` has returned and dropped its stream, but fd {fd} is another handle of the \
         connection, and still open. The kernel sends the FIN when the last handle of a socket is \
         closed. Drop the clone that you keep for the limit when its call is over."
    ))
}

pub(super) const SPINS_WHILE_IT_STOPS: &str = "`stop` has not returned, and a thread of yours runs \
    without waiting. It looks again and again, for example whether a call is over, or polls a \
    descriptor that stays readable, such as an eventfd that is not read. Let it block until a call \
    is over: in a channel's recv, on a condition variable, or in a join.";

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
        "A thread of yours has panicked, and `stop` has not completed. A call on a connection that \
         has ended may return an error. Handle it, and continue."
    } else if matches!(case.stuck, Some(Stuck::Spin(..))) && !case.has_returned() {
        SPINS_WHILE_IT_STOPS
    } else if hangs && listens(case) && case.is_blocked_in(&[Call::Accept]) {
        "A thread of yours waits in accept, and nothing wakes it. A flag does not wake it, and \
         dropping another handle of the listener does not close the socket: the row is still in \
         LISTEN. Let the thread wait in poll for the listener and for a stop signal, or connect to \
         the address that local_addr returns."
    } else if case.is_blocked_in(&[Call::Connect]) {
        "A thread of yours waits in connect, and its SYN is not answered. Connect to the address \
         that local_addr returns, or wake the thread that accepts without a connection."
    } else if !limit_is_far()
        && !case.has_returned()
        && calls > 0
        && case.is_blocked_in(&[Call::Read, Call::Write])
    {
        "The limit has passed, and `stop` still waits for calls, which wait for their clients. \
         Compute the deadline once, when `stop` is called. At the limit call shutdown(Both) on \
         another handle of each connection: that ends the read or write in which `serve` is \
         blocked."
    } else if calls == 0 && ended() == begun() && case.is_blocked_in(&[Call::Sleep]) {
        "A thread of yours sleeps although no call is under way. The limit is the longest that \
         `stop` may wait. Return when the last call is over."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// Clients connected right before `stop` was called with a limit of zero, and it does not return.
pub(super) fn misses_calls(case: &Case) -> Option<String> {
    let open = |seen: &&Seen| seen.row.state == State::Established;
    let left = case.evidence.yours().filter(open).count();
    let hangs = matches!(case.stuck, Some(Stuck::Hang(_))) && case.is_blocked_in(&[Call::Read]);
    (hangs && left > 0 && !case.panicked).then(|| {
        format!(
            "`stop` waits for calls, of which {left} still have an open connection. Their clients \
             connected right before `stop` was called. At the limit, which is zero, your code has \
             not shut their connections down: most likely they were not on its list yet. Empty the \
             accept queue before you look at the list. And let the thread that accepts put a \
             handle of each connection on the list: the thread of a call may begin to run only \
             after `stop` has looked."
        )
    })
}

/// `stop` has returned an error.
pub(super) fn fails(error: &io::Error) -> Option<String> {
    let cause = match error.kind() {
        ErrorKind::ConnectionRefused => {
            "`stop` has connected to an address where no socket listens. Either that is not the \
             address of the listener (local_addr returns it), or the listener was closed before."
        }
        // Without a number of the kernel's, it is an error of std.
        ErrorKind::InvalidInput if error.raw_os_error().is_none() => {
            "This error comes from std, not from the kernel: std refuses a timeout of zero \
             (`set_read_timeout`). When nothing remains of the limit, do not wait: close the \
             connections that are left."
        }
        _ => return None,
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
        "`stop` has returned, and {who}: the kernel still completes connections. Wake the thread \
         that accepts, join it, and drop every handle of the listener."
    )
}

/// What can go wrong in any check.
pub(super) fn diagnose(case: &Case) -> Option<String> {
    (!stopping() && would_block())
        .then(|| {
            "A read of `serve` has returned WouldBlock, and the call has ended without its line. \
             Your code has set O_NONBLOCK or a timeout on the connection, or a timeout \
             (SO_RCVTIMEO) on the listener, which its connections inherit. Give `serve` a stream \
             without them."
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
        "All calls are over, and `stop` still waits. The limit is the longest that it may wait. \
         Return as soon as the last call is over."
            .to_owned()
    })
}

/// The limit has passed, and a connection is open.
pub(super) fn left_open(case: &Case, has_returned: bool) -> Option<String> {
    has_returned.then(|| {
        "`stop` has returned, and a connection is still open. At the limit call shutdown(Both) on \
         each connection that is left, and join the threads before you return."
            .to_owned()
    })
    .or_else(|| does_not_stop(case))
}

/// Of two calls one is over, and the limit has passed. Their clients have one address.
pub(super) fn knows_calls_by_their_peer(case: &Case) -> Option<String> {
    let mut left = case.evidence.yours();
    let is_one = left.next().is_some() && left.next().is_none();
    (is_one && !case.panicked && case.is_blocked_in(&[Call::Read])).then(|| {
        "One of two connections has been closed at the limit, and the other is open. Both clients \
         have the same address and port, and connected to different addresses of this machine. \
         Most likely your code keeps its calls in a map by the peer's address, where the second \
         replaces the first. Only both addresses together identify a connection."
            .to_owned()
    })
}

/// The limit has long passed, and `stop` has not returned. This many connections were open.
pub(super) fn some_are_left(case: &Case, all: usize) -> Option<String> {
    let listening = |seen: &&Seen| seen.row.state != State::Listen;
    let left = case.evidence.yours().filter(listening).count();
    if left == 0 || left >= all {
        return does_not_stop(case);
    }
    let closed = all - left;
    if case.is_blocked_in(&[Call::Read]) {
        Some(format!(
            "{closed} connections have been closed, {left} are still open: your code gives each \
             call the whole limit, one after the other, or misses some connections. Use one \
             deadline for all: compute it once, as an Instant, and before each wait compute what \
             remains."
        ))
    } else if case.is_blocked_in(&[Call::Write]) {
        Some(
            "The calls that waited in a read have ended. The call that waits in a write has not, \
         because its client does not read. shutdown(Read) ends reads only; shutdown(Both) ends \
         reads and writes."
                .to_owned(),
        )
    } else {
        does_not_stop(case)
    }
}
