//! Why a dial did not end as a check is about, by what was returned, when, and what is left.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    time::Duration,
};

use nix::errno::Errno;
use socket_workshop::table::State;

use super::harness::readable;

use crate::exam::{Call, Case, diagnosis::PANICS_IN_SELECT};

/// What can go wrong in any check.
pub(super) fn diagnose(case: &Case) -> Option<String> {
    if let Some(select) = PANICS_IN_SELECT.of(case) {
        return Some(select);
    }
    case.panicked.then(|| {
        "Your code panicked. Return the error of a dial that fails. If the limit caused it: \
         `Instant::now() + limit` overflows for the longest limit, and `limit - elapsed` overflows \
         once the limit has passed (use `saturating_sub`). A `PollTimeout` has at most 24 days: \
         where `try_from` fails, use `PollTimeout::MAX` and poll again."
            .to_owned()
    })
}

/// Ok was returned, with a socket that is not connected.
pub(super) fn not_connected(case: &Case) -> Option<String> {
    let cause = if case.is_in(State::SynSent) {
        "`connect` returned a socket in SYN_SENT: its SYN has not been answered. EINPROGRESS means \
         that the dial has begun, and neither a timeout nor `set_nonblocking(false)` completes it: \
         a write to this stream waits for two minutes. Return an error, and drop the socket."
    } else if case.yours().is_none() {
        "The kernel has no row for the returned socket: it is not connected, and not being dialed. \
         Return an error instead."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// Ok was returned, and the address refuses.
pub(super) fn not_refused(case: &Case) -> Option<String> {
    let over = case.yours().is_none() && !case.panicked;
    over.then(|| {
        "The kernel has no row for the returned socket: its dial has failed. Writable means that a \
         dial is over. It does not say how it ended. SO_ERROR (`take_error`) does, and only once, \
         because reading it clears it: keep what the first `take_error` returns."
            .to_owned()
    })
}

/// Ok was returned, and `connect` had failed immediately.
pub(super) fn loses_an_immediate_error(case: &Case) -> Option<String> {
    let over = case.yours().is_none() && !case.panicked;
    over.then(|| {
        "The kernel has no row for the returned socket: its dial has never begun. `connect` may \
         fail immediately, and only EINPROGRESS means that the dial is under way. Such a socket is \
         writable all the same, and its SO_ERROR is 0: return the error that `connect` returned."
            .to_owned()
    })
}

/// An error was returned, although the address answers.
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
            "The connection was made and is in the accept queue of {addr}, but your wait timed \
             out. {READABLE}"
        ));
    }
    (!connected && addr.is_ipv6()).then(|| {
        "No connection has arrived at this IPv6 address. A socket has one family from the \
         beginning: choose the family by the address (`Domain::for_address`). An address that you \
         bind it to must be of that family too: bind none."
            .to_owned()
    })
}

pub(super) const READABLE: &str = "A connection is not readable before the peer has sent \
     something, and this peer sends nothing. Wait for writable, POLLOUT: that reports the end of a \
     dial.";

/// What an error's number says without more evidence.
fn of_number(error: &io::Error) -> Option<&'static str> {
    Some(match Errno::from_raw(error.raw_os_error()?) {
        Errno::EINPROGRESS => {
            "Your code returned EINPROGRESS as an error. It says that the SYN has been sent and \
             the dial is under way. Wait in poll until the socket is writable."
        }
        Errno::EALREADY => {
            "EALREADY: your code called `connect` again while the dial was under way. Call it \
             once, then wait in poll until the socket is writable."
        }
        Errno::EISCONN => {
            "EISCONN: your code called `connect` again, and the connection was made. Treat it as \
             success, or ask SO_ERROR instead of calling `connect` again."
        }
        Errno::EINTR => SIGNAL,
        Errno::EAGAIN => {
            "Your code returned WouldBlock (EAGAIN): a call on a non-blocking socket could not do \
             its work yet. Wait in poll until the socket is writable."
        }
        _ => return None,
    })
}

const SIGNAL: &str = "A signal ended poll with EINTR, and your code returned. poll is not \
     restarted, whatever SA_RESTART says (signal(7)), and the dial is still under way: compute \
     what remains, and poll again.";

/// It returned before anything could have arrived.
pub(super) fn too_early(error: &io::Error, took: Duration, limit: Duration) -> Option<String> {
    if let Some(cause) = of_number(error) {
        return Some(cause.to_owned());
    }
    let cause = match error.kind() {
        ErrorKind::TimedOut => return Some(timed_out_early(took, limit)),
        ErrorKind::Interrupted => SIGNAL,
        ErrorKind::ConnectionAborted => {
            "`connect` returned ConnectionAborted, and there was nothing to read from `cancel`. \
             poll returns for other reasons too: ask its descriptors (`PollFd::any`) which of them \
             is ready."
        }
        ErrorKind::InvalidInput => {
            "InvalidInput: a call refused its argument. If it is the limit: every length is \
             allowed, and poll accepts no more than 24 days. Use `PollTimeout::MAX` then, and poll \
             again."
        }
        _ => return None,
    };
    Some(cause.to_owned())
}

/// It has timed out, and its limit has not passed.
pub(super) fn timed_out_early(took: Duration, limit: Duration) -> String {
    let limits = readable(limit);
    if limit.saturating_sub(took) < Duration::from_millis(1) {
        return format!(
            "`connect` timed out after {took:.2?}, less than a millisecond before its limit of \
             {limits}. Most likely the limit was cut to whole milliseconds, in which poll counts. \
             Round it up, and compare the time that has passed with the limit when poll returns."
        );
    }
    format!(
        "`connect` timed out after {took:.0?}, of a limit of {limits}. Either the limit is \
         computed wrongly (in another unit, or cut by `as` to a number that it does not fit into), \
         or something else ended it: a signal, or a poll that returned. Compare the time that has \
         passed with the limit."
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
            "Your code returned Interrupted. That means a signal, and many callers try again then, \
             as std does. Return ConnectionAborted for a cancel."
        }
        _ if of_number(error).is_some() => return of_number(error).map(str::to_owned),
        (ErrorKind::TimedOut, _) if took < limit => {
            return Some(timed_out_early(took, limit));
        }
        (ErrorKind::InvalidInput, ErrorKind::TimedOut) => {
            "`connect_timeout` and `set_read_timeout` refuse zero with InvalidInput. Return \
             TimedOut yourself when no time is left."
        }
        (ErrorKind::InvalidInput, ErrorKind::NetworkUnreachable) => {
            "A link-local address needs its interface (`scope_id`), and your code lost that. Pass \
             the whole `SocketAddr` on, not a new one made of its IP address and port."
        }
        (ErrorKind::NotConnected, ErrorKind::ConnectionRefused) => {
            "NotConnected (ENOTCONN) comes from `peer_addr` (getpeername) or another call on a \
             socket whose dial has failed: it says that there is no connection, and not why. \
             Return SO_ERROR (`take_error`)."
        }
        (ErrorKind::Other, ErrorKind::ConnectionRefused) => {
            "Your code returned an error without the kind of the kernel's. Either it replaced the \
             error (`io::Error::other`), or it read SO_ERROR twice: the first `take_error` clears \
             it, and the second returns None. Keep what the first one returns, and return that."
        }
        (ErrorKind::Other, _) => {
            "Your code replaced the error, and its kind is lost. The caller decides by it: return \
             the error as it is, not `io::Error::other`."
        }
        (ErrorKind::ConnectionRefused, ErrorKind::TimedOut) => {
            "Nobody has refused this dial, and your code returned ConnectionRefused. A dial can \
             fail in other ways: no route to the host, or a host that does not answer. poll reports \
             each of them as an error (POLLERR). Return what SO_ERROR says (`take_error`)."
        }
        (ErrorKind::ConnectionAborted, _) => {
            "`connect` returned ConnectionAborted, and there was nothing to read from `cancel`. \
             Ask poll's descriptors (`PollFd::any`) which of them is ready."
        }
        _ => {
            "The caller decides by the kind of the error: return this kind for this end of a dial."
        }
    };
    Some(cause.to_owned())
}

/// It has returned, and a dial of its own is under way.
pub(super) fn still_under_way(case: &Case) -> &'static str {
    if case.evidence.threads.is_empty() {
        "`connect` has returned and no thread of yours is left, but the socket is still open, and \
         the kernel keeps sending its SYN. Drop the socket and every clone of it on every path \
         out: that closes it and ends the dial."
    } else if case.is_blocked_in(&[Call::Connect, Call::Poll]) {
        "`connect` has returned, and a thread of yours is still dialing: a thread does not stop \
         when you stop waiting for it. Use a non-blocking socket and poll, without a second \
         thread, and drop the socket: that ends the dial."
    } else {
        "`connect` has returned, and the socket is still open: the kernel keeps sending its SYN. \
         Drop the socket, and every clone of it, before you return."
    }
}
