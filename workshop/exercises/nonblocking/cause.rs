//! Why a dial did not end as a check is about, by what was returned, when, and what is left.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    time::Duration,
};

use nix::errno::Errno;
use socket_workshop::table::State;

use super::call::readable;

use crate::exam::{Call, Case};

/// What can go wrong in any check.
pub(super) fn likely(case: &Case) -> Option<String> {
    case.panicked.then(|| {
        "Your code panicked. A dial that fails is no reason to, nor is a limit of any length. If it was \
         the limit: `Instant::now() + limit` overflows for the longest, `limit - elapsed` when more has \
         passed than the limit is (`saturating_sub` gives zero), and a `PollTimeout` ends at 24 days: \
         where `try_from` says no, `PollTimeout::MAX` will do, for the loop looks at the clock again."
            .to_owned()
    })
}

/// Ok came back, of a socket that is not connected.
pub(super) fn not_connected(case: &Case) -> Option<String> {
    let cause = if case.is_in(State::SynSent) {
        "A socket in SYN_SENT came back: its SYN has not been answered. EINPROGRESS means that the dial \
         has begun, and neither a time-out nor `set_nonblocking(false)` ends it: whoever writes to this \
         stream waits, for two minutes. Not connected by the deadline is an error, and the socket is \
         to be closed."
    } else if case.yours().is_none() {
        "The kernel has no row for the socket that came back: it is not connected, and not being dialed."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// Ok came back, and the address refuses.
pub(super) fn not_refused(case: &Case) -> Option<String> {
    let over = case.yours().is_none() && !case.panicked;
    over.then(|| {
        "The kernel has no row for the socket that came back: its dial has failed. Writable means that a \
         dial is over, not how. SO_ERROR (`take_error`) tells it, and only once, for reading clears \
         it: keep what the first `take_error` returns."
            .to_owned()
    })
}

/// Ok came back, and `connect` had failed at once.
pub(super) fn never_begun(case: &Case) -> Option<String> {
    let over = case.yours().is_none() && !case.panicked;
    over.then(|| {
        "The kernel has no row for the socket that came back: its dial has never begun. `connect` may \
         fail at once, and only EINPROGRESS means that it is under way. Such a socket is writable all \
         the same, and its SO_ERROR is 0: the error was told already, by `connect`."
            .to_owned()
    })
}

/// An error came back, although the address answers.
pub(super) fn instead_of_a_connection(
    error: &io::Error,
    addr: SocketAddr,
    case: &Case,
) -> Option<String> {
    if let Some(cause) = of_number(error) {
        return Some(cause.to_owned());
    }
    let mut rows = case.evidence.sockets.iter().map(|seen| &seen.row);
    let listener = rows.find(|row| row.state == State::Listen && row.local == addr);
    let connected = listener.is_some_and(|row| row.recv_q > 0);
    if connected && error.kind() == ErrorKind::TimedOut {
        return Some(format!(
            "The connection was made, it is in the accept queue of {addr}; and yet time ran out. {READABLE}"
        ));
    }
    (!connected && addr.is_ipv6()).then(|| {
        "No connection has come to this IPv6 address. A socket is of one family from the beginning: \
         make it by the address (`Domain::for_address`)."
            .to_owned()
    })
}

pub(super) const READABLE: &str = "A connection is not readable before the peer has sent something, and this one says \
     nothing: that a dial is over is told as writable, POLLOUT.";

/// What an error's number says by itself.
fn of_number(error: &io::Error) -> Option<&'static str> {
    Some(match Errno::from_raw(error.raw_os_error()?) {
        Errno::EINPROGRESS => {
            "EINPROGRESS is no failure: the SYN has been sent, and connect, which is not to wait, says that \
             the dial is under way. Wait for its end in poll, until the socket is writable."
        }
        Errno::EALREADY => {
            "EALREADY: `connect` was called again while the dial was under way. One call begins it; from \
             then on wait in poll, until the socket is writable."
        }
        Errno::EISCONN => {
            "EISCONN: `connect` was called again, and the dial had come through. To be told of that is no \
             failure; SO_ERROR tells it without a second call."
        }
        Errno::EINTR => SIGNAL,
        Errno::EAGAIN => {
            "WouldBlock (EAGAIN) is what a call on a non-blocking socket says when it has nothing to do \
             yet. It is not the end of a dial: wait in poll, until the socket is writable."
        }
        _ => return None,
    })
}

const SIGNAL: &str = "A signal came while it waited, and poll ended with EINTR: it is not restarted, whatever \
     SA_RESTART says (signal(7)). Nothing has happened to the dial: compute what remains, and wait on.";

/// It returned before anything could have come.
pub(super) fn too_early(error: &io::Error, took: Duration, limit: Duration) -> Option<String> {
    if let Some(cause) = of_number(error) {
        return Some(cause.to_owned());
    }
    let cause = match error.kind() {
        ErrorKind::TimedOut => return Some(gave_up(took, limit)),
        ErrorKind::Interrupted => SIGNAL,
        ErrorKind::ConnectionAborted => {
            "Nobody has cancelled: there was nothing to read from `cancel`. poll returns for other reasons, \
             too: ask its descriptors (`PollFd::any`) which of them is ready."
        }
        ErrorKind::InvalidInput => {
            "InvalidInput: a call refused its argument. If it is the limit: any is allowed, and poll \
             takes no more than 24 days (`PollTimeout::MAX`)."
        }
        _ => return None,
    };
    Some(cause.to_owned())
}

/// It has given up, and its limit is not over.
pub(super) fn gave_up(took: Duration, limit: Duration) -> String {
    format!(
        "It gave up after {took:.0?}, of a limit of {}. Either the limit is counted wrong (in another unit, \
         or cut to a number that it does not fit into: `as` says nothing), or something else is taken for \
         its end: a signal, a poll that came back. Only the clock tells.",
        readable(limit)
    )
}

/// Another error was due.
pub(super) fn another_error(
    error: &io::Error,
    wanted: ErrorKind,
    took: Duration,
    limit: Duration,
) -> Option<String> {
    let cause = match (error.kind(), wanted) {
        (ErrorKind::Interrupted, ErrorKind::ConnectionAborted) => {
            "Interrupted means a signal, and many a caller tries again then, as std does. Who has cancelled \
             does not want that: it is ConnectionAborted."
        }
        _ if of_number(error).is_some() => return of_number(error).map(str::to_owned),
        (ErrorKind::TimedOut, _) if took < limit => {
            return Some(gave_up(took, limit));
        }
        (ErrorKind::InvalidInput, ErrorKind::TimedOut) => {
            "InvalidInput is what `connect_timeout`, and `set_read_timeout`, say of zero. No time is left: \
             that is TimedOut."
        }
        (ErrorKind::NotConnected, ErrorKind::ConnectionRefused) => {
            "NotConnected (ENOTCONN) is what `peer_addr` (getpeername), among other calls, says of a socket \
             whose dial has failed: that it is not connected, and not why. SO_ERROR (`take_error`) says why."
        }
        (ErrorKind::Other, _) => {
            "The kind is lost. A caller who must choose what to do next asks for it: return the error as \
             it is, not `io::Error::other`."
        }
        (ErrorKind::ConnectionAborted, _) => {
            "Nobody has cancelled: there was nothing to read from `cancel`. Ask poll's descriptors \
             (`PollFd::any`) which of them is ready."
        }
        _ => "A caller tells the ends of a dial apart by the kind of the error.",
    };
    Some(cause.to_owned())
}

/// It has returned, and a dial of its own is under way.
pub(super) fn still_under_way(case: &Case) -> &'static str {
    if case.evidence.threads.is_empty() {
        "`connect` has returned and no thread of yours is left, but the socket is still open, and the \
         kernel goes on sending its SYN. close ends a dial: `Socket`, `TcpStream` and `OwnedFd` close \
         when they are dropped; a clone, a raw number, and what was forgotten, does not."
    } else if case.is_blocked_in(&[Call::Connect, Call::Poll]) {
        "`connect` has returned, and a thread of yours goes on dialing: to stop waiting for a thread does \
         not stop the thread. A non-blocking socket and poll need no second one, and to drop the socket \
         ends the dial."
    } else {
        "`connect` has returned, and the socket is still open: the kernel goes on sending its SYN. close \
         ends a dial: drop the socket, and every clone of it, before you return."
    }
}
