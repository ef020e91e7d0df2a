//! Why a dialer did not do what a check is about, by what the kernel shows: which address is waited
//! for, which was never dialed, and where the threads are.

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
pub(super) fn cause(case: &Case) -> Option<String> {
    let addr = waited_for(case).first().copied();
    let never_returns = case.awaited == Awaited::Return && case.stuck.is_some();
    let waits_for_a_thread = case.is_blocked_in(&[Call::Lock]) && !case.panicked;
    let cause = if case.panicked {
        "Your code panicked. An attempt that fails is no reason to: dial the next address, or return \
         the error."
            .to_owned()
    } else if !never_returns {
        return None;
    } else if let Some(addr) = addr {
        if case.is_running() {
            format!(
                "The SYN to {addr} is not answered, and your thread asks again and again, and does not \
                 look at the clock, or not at its limit."
            )
        } else if case.is_blocked_in(&[Call::Connect]) {
            format!(
                "Your thread is blocked in `connect` to {addr}, which is silent. There is no limit but \
                 the kernel's: it sends the SYN again for about two minutes (tcp_syn_retries). \
                 `connect_timeout` takes a limit."
            )
        } else {
            format!(
                "It waits for {addr} to answer its SYN, and no limit ends that wait. Every wait must \
                 end when the limit is over."
            )
        }
    } else if case.yours().is_none() && waits_for_a_thread && is_hang(case) {
        "No attempt of yours is under way any more, and your thread waits for another thread (a \
         channel, a lock): for a winner, and there is none. Count the losers, or let the channel end: \
         it does when every sender has been dropped, your own too."
            .to_owned()
    } else {
        return None;
    };
    Some(cause)
}

/// Whether it is proven that its threads wait for ever.
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
        "A socket in SYN_SENT came back: its SYN has not been answered. A non-blocking connect that \
         returns EINPROGRESS has only begun: wait with `poll` until it is writable, then read SO_ERROR."
    } else if case.yours().is_none() {
        "The kernel has no row for the socket that came back: its attempt has failed. A non-blocking \
         connect that returns EINPROGRESS has only begun, and when `poll` says writable, it is only \
         over. How it ended, SO_ERROR says (`take_error`): read it once, and if it is an error, go on \
         to the next address."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// It failed, although an address behind others would have answered.
pub(super) fn not_reached(case: &Case, server: &Address, why: &str) -> Option<String> {
    let unseen = connections(case, server) == Some(0) && waited_for(case).is_empty();
    let not_reached = (unseen && !case.panicked).then(|| {
        format!(
            "{} would have answered, and no connection has been made to it: its accept queue is empty. \
             {why}",
            server.addr
        )
    });
    not_reached.or_else(|| taken_for_failed(case, server))
}

/// What a non-blocking connect returns when it has begun.
const BEGUN: &str = "A non-blocking connect returns EINPROGRESS: the attempt has begun, and that is no \
     failure. Wait with `poll` until the socket is writable, then read SO_ERROR.";

/// It failed, and the kernel has made the connection.
pub(super) fn taken_for_failed(case: &Case, server: &Address) -> Option<String> {
    let made = connections(case, server).is_some_and(|count| count > 0);
    (made && case.awaited == Awaited::Nothing && !case.panicked).then(|| {
        format!(
            "A connection to {} has been made, it is in its accept queue, and you took the attempt for \
             a failure, most likely by what connect returned. {BEGUN}",
            server.addr
        )
    })
}

/// A refusal was not followed by the next attempt at once.
pub(super) const PAUSES: &str = "It waits after a refusal, or dials again what has refused. A refusal is an \
     answer, an RST, and came at once: dial the next.";

/// Addresses have refused, and the one behind them, which would answer, has not been dialed in time.
pub(super) fn pauses(case: &Case, server: &Address) -> Option<String> {
    let rests = case.is_running() || case.is_blocked_in(&[Call::Sleep, Call::Poll, Call::Lock]);
    let undialed = case.yours().is_none() && connections(case, server) == Some(0);
    (case.awaited == Awaited::Return && rests && undialed && !case.panicked).then(|| {
        format!("No attempt is under way, and the last address has not been dialed. {PAUSES}")
    })
}

/// Silent addresses stood before one that answers, and no connection came back.
pub(super) fn starved(
    case: &Case,
    took: Duration,
    limit: Duration,
    server: &Address,
) -> Option<String> {
    let never_dialed = connections(case, server) == Some(0) && waited_for(case).is_empty();
    (case.awaited == Awaited::Nothing && never_dialed && !case.panicked).then(|| {
        let first = match took >= limit {
            true => "All of the limit went by",
            false => "It returned with time left",
        };
        format!(
            "{first}, and no connection has been made to {}, which would have answered at once: its \
             accept queue is empty. A silent address may have a share of the time, and those behind it \
             must be dialed too.",
            server.addr
        )
    })
}

/// The only address answered late, and nobody waited for it.
pub(super) fn gave_up(case: &Case, took: Duration) -> Option<String> {
    (case.awaited == Awaited::Nothing && !case.panicked).then(|| {
        format!(
            "It returned after {took:.1?}, with time left. The only address there is may have all of the \
             limit: a SYN that was lost is sent again a second later, and an answer from far away takes \
             a while."
        )
    })
}

/// The only address was silent, and `dial` returned before its limit.
pub(super) fn early(took: Duration, limit: Duration) -> String {
    let missing = limit.saturating_sub(took);
    if missing < Duration::from_millis(1) {
        "A part of a millisecond was cut off: `poll` counts in milliseconds, and a duration that is \
         converted is rounded down. Round up, or look at the clock and wait again."
    } else {
        "The only address there is may have all of the limit."
    }
    .to_owned()
}

/// All are silent, and it returned when the limit was over already.
pub(super) fn overdue(took: Duration, limit: Duration) -> String {
    if took >= 2 * limit {
        "It took a multiple of the limit: each is given a limit of its own, and these add up. It is one \
         limit for all of them: compute what remains before each attempt."
    } else {
        "It is one limit for all of the addresses: compute what remains before each attempt, and let no \
         wait last longer than that."
    }
    .to_owned()
}

/// Every address has refused, and it has not returned.
pub(super) fn goes_on_after_the_last(case: &Case) -> Option<String> {
    let busy = case.is_running() || case.is_blocked_in(&[Call::Sleep]);
    let goes_on = case.awaited == Awaited::Return && case.stuck.is_some();
    (busy && goes_on && case.yours().is_none() && !case.panicked).then(|| {
        "Both addresses have refused, and it goes on, by a sleep or by dialing them again. A refusal is \
         an answer, an RST, and came at once: nobody listens there, and to try again later is the \
         caller's to decide."
            .to_owned()
    })
}

/// It does not return, although there was no time at all.
pub(super) fn takes_its_time(case: &Case, limit: Duration) -> Option<String> {
    if case.panicked {
        return Some(
            "Where no time is left, an attempt fails, and a duration minus a longer one is below zero: \
             to unwrap the one or to compute the other panics. `saturating_sub` stops at zero."
                .to_owned(),
        );
    }
    (case.stuck.is_some() && !waited_for(case).is_empty()).then(|| {
        format!(
            "A limit of {limit:?} was taken for none, or for a longer one: a SYN is under way, and is \
             being waited for. Time is over at once."
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
            "No argument was invalid: zero is what remains when time is over, and also what a very \
             short time is when it has been divided. `connect_timeout` takes a time-out of zero for \
             invalid input: if that is where it comes from, do not hand it on."
        }
        (_, ErrorKind::InvalidInput) => {
            "With no address nothing was dialed, so nothing has refused or been silent: the argument \
             was wrong."
        }
        (ErrorKind::TimedOut, _) => {
            "The last address refuses whenever it is dialed. Either it was not dialed, because time \
             had run out before it, or the kind is another address's: it is to be that of the last in \
             the list."
        }
        (ErrorKind::ConnectionRefused, _) => {
            "Refused means that an RST has come. From the last address in the list nothing has come: it \
             was silent, and the kind is to be that of the last."
        }
        (ErrorKind::WouldBlock, ErrorKind::TimedOut) => {
            "That is what the kernel says of an attempt that is still under way. That its time is \
             over, you know yourself: say TimedOut."
        }
        _ => {
            "A caller who must choose what to do next asks for the kind. Keep that of the last \
             attempt: `io::Error::new(error.kind(), text)`; `io::Error::other` makes Other of it."
        }
    };
    Some(cause.to_owned())
}

/// It has returned, and a SYN of its own still waits for an answer.
pub(super) fn still_under_way(case: &Case) -> Option<String> {
    let cause = if case.evidence.threads.is_empty() {
        "`dial` has returned and no thread of yours is left, but a socket that waits for an answer to \
         its SYN is still open. An attempt ends when its socket is closed: `TcpStream`, `Socket` and \
         `OwnedFd` close when they are dropped; a raw number, and what was forgotten, does not."
    } else if !case.is_blocked_in(&[Call::Connect, Call::Poll]) {
        "`dial` has returned, and an attempt of its own is still under way. An attempt ends when its \
         socket is closed: drop it, and join the threads that hold it."
    } else {
        "`dial` has returned, and a thread of yours that it started goes on dialing. Nobody can stop it \
         in `connect_timeout`: whoever dials several addresses at once closes the losers. With \
         non-blocking sockets and `poll`, on one thread, to drop them is enough."
    };
    Some(cause.to_owned())
}
