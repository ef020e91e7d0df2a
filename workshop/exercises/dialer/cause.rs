//! What a dialer in particular can do wrong, by what the kernel shows: which address it waits for,
//! which it has not dialed, and where its threads are.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    time::Duration,
};

use nix::errno::Errno;
use socket_workshop::table::State;

use super::address::Address;

use crate::exam::{Awaited, Call, Case, Seen, Stuck};

/// What a dialer can do wrong in any check.
pub(super) fn diagnose(case: &Case) -> Option<String> {
    let addr = waited_for(case).first().copied();
    let never_returns = case.awaited == Awaited::Return && case.stuck.is_some();
    let waits_for_a_thread = case.is_blocked_in(&[Call::Lock]) && !case.panicked;
    let cause = if case.panicked {
        "Your code panicked. A refusal and a timeout are ordinary errors: `unwrap` and `expect` \
         turn them into a panic. Dial the next address, or return the error."
            .to_owned()
    } else if !never_returns {
        return None;
    } else if let Some(addr) = addr {
        if has_answered(case, addr) {
            format!(
                "{addr} had answered already: the kernel shows another connection to it, which \
                 your code has closed. Now your code dials it again. Return the stream of the \
                 attempt that succeeded."
            )
        } else if case.is_running() {
            format!(
                "The SYN to {addr} is not answered, and your loop asks again and again without \
                 waiting and without looking at the limit. Wait in `poll`, or use \
                 `connect_timeout`."
            )
        } else if case.is_blocked_in(&[Call::Connect]) {
            format!(
                "Your thread is blocked in `connect` to {addr}, which is silent. Only the kernel \
                 ends that wait, after about two minutes (tcp_syn_retries). Use `connect_timeout`, \
                 which takes a limit."
            )
        } else {
            format!(
                "Your code waits for {addr} to answer its SYN, and no limit ends that wait. Let \
                 every wait end when the limit is over."
            )
        }
    } else if case.yours().is_none() && waits_for_a_thread && is_hang(case) {
        "All your attempts have failed, and your code waits for another thread (a channel, a lock) \
         as if one of them would still succeed. Count the attempts that failed, or let the channel \
         end: it ends when every sender has been dropped, your own too."
            .to_owned()
    } else {
        return None;
    };
    Some(cause)
}

/// Whether a connection to this address has been made and closed.
fn has_answered(case: &Case, addr: SocketAddr) -> bool {
    let mut rows = case.evidence.sockets.iter().map(|seen| &seen.row);
    let closed = [
        State::FinWait1,
        State::FinWait2,
        State::Closing,
        State::TimeWait,
    ];
    rows.any(|row| row.peer == addr && closed.contains(&row.state))
}

/// Whether it is proven that its threads wait without end.
fn is_hang(case: &Case) -> bool {
    matches!(case.stuck, Some(Stuck::Hang(_)))
}

/// The addresses to which a SYN of the student's is under way.
fn waited_for(case: &Case) -> Vec<SocketAddr> {
    let waits = case
        .evidence
        .yours()
        .filter(|seen| seen.row.state == State::SynSent);
    waits.map(|seen| seen.row.peer).collect()
}

/// How many connections have been made to an address: they are in its accept queue.
fn connections(case: &Case, address: &Address) -> Option<u32> {
    let mut rows = case.evidence.sockets.iter().map(|seen| &seen.row);
    let listener = rows.find(|row| row.state == State::Listen && row.local == address.addr);
    listener.map(|row| row.recv_q)
}

/// A stream came back that is not connected.
pub(super) fn no_connection(case: &Case) -> Option<String> {
    let is_connected = |seen: &Seen| seen.row.state == State::Established;
    let cause = if case.evidence.yours().any(is_connected) {
        return None; // to another address
    } else if case.is_in(State::SynSent) {
        "Your code returned a socket in SYN_SENT: its SYN has not been answered. A non-blocking \
         connect that returns EINPROGRESS has only begun. Wait in `poll` until the socket is \
         writable, then read SO_ERROR."
    } else if case.yours().is_none() {
        "The kernel has no row for the socket that your code returned: its attempt has failed. \
         When `poll` reports a socket writable, the attempt is over, by success or by failure. \
         Read SO_ERROR (`take_error`) once: if it is an error, dial the next address."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// It failed, although a later address would have answered.
pub(super) fn not_reached(case: &Case, server: &Address, why: &str) -> Option<String> {
    let unseen = connections(case, server) == Some(0) && waited_for(case).is_empty();
    let not_reached = (unseen && !case.panicked).then(|| {
        format!(
            "{} would have answered, but your code has not dialed it: its accept queue is empty. \
             {why}",
            server.addr
        )
    });
    not_reached.or_else(|| taken_for_failed(case, server))
}

/// What a non-blocking connect returns when it has begun.
const BEGUN: &str = "A non-blocking connect returns EINPROGRESS when the attempt has begun, which \
     is not a failure. Wait in `poll` until the socket is writable, then read SO_ERROR.";

/// It failed, and the kernel has made the connection.
pub(super) fn taken_for_failed(case: &Case, server: &Address) -> Option<String> {
    if case.has_returned_error(io::Error::from(Errno::EINPROGRESS).kind()) {
        return Some(BEGUN.to_owned()); // it was closed before the SYN was answered
    }
    let made = connections(case, server).is_some_and(|count| count > 0);
    (made && case.awaited == Awaited::Nothing && !case.panicked).then(|| {
        format!(
            "The kernel has made a connection to {}: it is in the accept queue. Your code treats \
             the attempt as failed, most likely because of what connect returned. {BEGUN}",
            server.addr
        )
    })
}

/// A refusal was not followed by the next attempt immediately.
pub(super) const PAUSES: &str = "Your code waits after a refusal, or dials the refused address \
     again. A refusal is an answer (RST), and comes immediately: dial the next address, without a \
     pause.";

/// After a silent address, each refusal was followed by a wait.
pub(super) const WAITS_FOR_THE_SILENT: &str = "While an earlier address is silent, your code waits \
    after each refusal before it dials the next address. The attempt that was refused is over: \
    dial the next one immediately, and let the earlier attempt go on if you like.";

/// While signals came it returned late, and without them in time.
pub(super) const WAITS_AGAIN_AFTER_A_SIGNAL: &str = "Without signals your code returns in time, and \
    while signals come it does not: after EINTR it waits again for the whole time. Before each \
    wait compute what remains of the limit.";

/// Addresses have refused, and the last, which would answer, has not been dialed in time.
pub(super) fn pauses(case: &Case, server: &Address) -> Option<String> {
    let rests = case.is_running() || case.is_blocked_in(&[Call::Sleep, Call::Poll, Call::Lock]);
    let undialed = case.yours().is_none() && connections(case, server) == Some(0);
    (case.awaited == Awaited::Return && rests && undialed && !case.panicked).then(|| {
        format!("No attempt is under way, and the last address has not been dialed. {PAUSES}")
    })
}

/// Silent addresses came before one that answers, and no connection was returned.
pub(super) fn starved(
    case: &Case,
    took: Duration,
    limit: Duration,
    server: &Address,
) -> Option<String> {
    let never_dialed = connections(case, server) == Some(0) && waited_for(case).is_empty();
    (case.awaited == Awaited::Nothing && never_dialed && !case.panicked).then(|| {
        let first = match took >= limit {
            true => "Your code spent the whole limit on the silent addresses",
            false => "Your code returned before the limit was over",
        };
        format!(
            "{first}, and has not dialed {}, which would have answered immediately: its accept \
             queue is empty. Give a silent address a share of the limit only, and dial every \
             address.",
            server.addr
        )
    })
}

/// The only address answered late, and the dial had ended.
pub(super) fn too_impatient(case: &Case, took: Duration) -> Option<String> {
    (case.awaited == Awaited::Nothing && !case.panicked).then(|| {
        format!(
            "Your code returned after {took:.1?}, before the limit was over. The kernel sends a \
             lost SYN again after a second, and an answer from far away takes time: give the only \
             address the whole limit."
        )
    })
}

/// The only address was silent, and `dial` returned before its limit.
pub(super) fn early(took: Duration, limit: Duration) -> String {
    let missing = limit.saturating_sub(took);
    if missing < Duration::from_millis(1) {
        "Your code stops less than a millisecond before the limit is over. Most often a time was \
         rounded down to the milliseconds of `poll`, as `Socket::connect_timeout` of socket2 does. \
         Round up, or look at the clock and wait again."
    } else {
        "Your code stops waiting before the limit is over. If there is only one address, give it \
         the whole limit."
    }
    .to_owned()
}

/// All are silent, and it returned long after the limit.
pub(super) fn overdue(took: Duration, limit: Duration, addresses: u32) -> String {
    if took >= addresses * limit {
        "Your code gives each address a limit of its own, and these add up to a multiple of the \
         limit. Before each attempt, compute what remains of the one limit."
    } else if took >= 2 * limit {
        "Your code gives the addresses a multiple of the limit in all, for example shares of the \
         whole limit, where they should be shares of what remains. Before each attempt, compute \
         what remains of the one limit."
    } else {
        "Your code gives the addresses more than the limit in all, for example by a least time for \
         each. Before each attempt, compute what remains of the one limit, and let no wait last \
         longer."
    }
    .to_owned()
}

/// Every address has refused, and it has not returned.
pub(super) fn goes_on_after_the_last(case: &Case) -> Option<String> {
    let busy = case.is_running() || case.is_blocked_in(&[Call::Sleep]);
    let goes_on = case.awaited == Awaited::Return && case.stuck.is_some();
    (busy && goes_on && case.yours().is_none() && !case.panicked).then(|| {
        "Both addresses have refused, and your code sleeps or dials them again. A refusal is an \
         answer (RST): no socket listens there. Return the error, and let the caller decide \
         whether to try again."
            .to_owned()
    })
}

/// It does not return, although there was no time at all.
pub(super) fn takes_its_time(case: &Case, limit: Duration) -> Option<String> {
    if case.panicked {
        return Some(
            "When no time remains, an attempt fails, and a longer duration subtracted from a \
             shorter one overflows: `unwrap` and `-` panic. Use `saturating_sub`, which stops at \
             zero."
                .to_owned(),
        );
    }
    (case.stuck.is_some() && !waited_for(case).is_empty()).then(|| {
        format!(
            "Your code treats a limit of {limit:?} as no limit, or as a longer one: it waits for \
             the answer to a SYN. Return TimedOut immediately."
        )
    })
}

/// The error is of another kind.
pub(super) fn another_kind(kind: ErrorKind, expected: ErrorKind) -> Option<String> {
    if kind == io::Error::from(Errno::EINPROGRESS).kind() {
        return Some(BEGUN.to_owned()); // `ErrorKind::InProgress` cannot be named yet
    }
    let cause = match (kind, expected) {
        (ErrorKind::InvalidInput, ErrorKind::TimedOut) => {
            "No argument was invalid. Zero remains when the limit is over, and a very short limit \
             that is divided becomes zero too. `connect_timeout` rejects zero as InvalidInput: do \
             not call it with zero, and return TimedOut."
        }
        (_, ErrorKind::InvalidInput) => {
            "The list was empty, so no address has refused or been silent: the argument is \
             invalid. Return ErrorKind::InvalidInput."
        }
        (ErrorKind::TimedOut, ErrorKind::ConnectionRefused) => {
            "The last address refuses whenever it is dialed. Either your code did not dial it, \
             because the limit was over before, or it returns the kind of another address. Return \
             the kind of the last address in the list."
        }
        (_, ErrorKind::NetworkUnreachable) => {
            "The last address is unreachable: connect fails immediately, with this kind. It has \
             neither refused nor been silent. Return the kind of its error, whatever that is: \
             `error.kind()`."
        }
        (ErrorKind::ConnectionRefused, _) => {
            "Your code returns the kind of an address that refused. The last address in the list \
             was silent: return the kind of the last, TimedOut."
        }
        (ErrorKind::WouldBlock, ErrorKind::TimedOut) => {
            "WouldBlock and EINPROGRESS are the kernel's errors for an attempt that is still under \
             way. The limit is over: return ErrorKind::TimedOut."
        }
        _ => {
            "The caller looks at the kind to decide what to do. Keep that of the last attempt: \
             `io::Error::new(error.kind(), text)`. `io::Error::other` replaces it by Other."
        }
    };
    Some(cause.to_owned())
}

/// It has returned, and a SYN of its own still waits for an answer. Whether threads of its were
/// left.
pub(super) fn still_under_way(case: &Case, had_threads: bool) -> Option<String> {
    let cause = if case.evidence.threads.is_empty() && !had_threads {
        "`dial` has returned and no thread of yours is left, but a socket that waits for an answer \
         to its SYN is still open. An attempt ends when its socket is closed: `TcpStream`, \
         `Socket` and `OwnedFd` close when they are dropped. A raw descriptor is not closed when \
         it is dropped, and neither is what goes to `mem::forget`."
    } else if !case.is_blocked_in(&[Call::Connect, Call::Poll]) {
        "`dial` has returned, and an attempt of its own is still under way. An attempt ends when \
         its socket is closed: drop it, and join the threads that hold it."
    } else {
        "`dial` has returned, and a thread that it started still dials. Nothing can interrupt a \
         thread in `connect_timeout`. To dial several addresses at once, use non-blocking sockets \
         and `poll` on one thread: dropping a socket ends its attempt."
    };
    Some(cause.to_owned())
}
