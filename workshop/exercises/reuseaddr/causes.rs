//! What follows from the evidence: why an address was not taken back, or why it was taken that must
//! not be. An error of `bind` does not say which option was missing; a listener of the answer's at a
//! free port shows which it has.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener},
};

use nix::libc;
use socket_workshop::{
    listen::Listen,
    table::{End, State},
};
use socket2::SockRef;

use super::{Restart, old::queued};

use crate::exam::{Awaited, Call, Case, Exam, Seen, Stuck, Whose};

/// `restart` has returned an error where nobody listens.
pub(super) fn not_taken(
    exam: &Exam,
    restart: Restart,
    addr: SocketAddr,
    error: &io::Error,
    case: &Case,
) -> Option<String> {
    match error.kind() {
        ErrorKind::AddrInUse if addr.port() == 0 => None,
        ErrorKind::AddrInUse => in_use(exam, restart, addr, error, case),
        _ => by_errno(error).map(str::to_owned),
    }
}

fn by_errno(error: &io::Error) -> Option<&'static str> {
    Some(match error.raw_os_error()? {
        libc::EAFNOSUPPORT => {
            "EAFNOSUPPORT: the socket is of the other family than the address. A socket has one, from \
             the moment it is made: `Domain::for_address(addr)`."
        }
        libc::ENOPROTOOPT => {
            "ENOPROTOOPT: a socket of this family has no such option. IPV6_V6ONLY is for IPv6 sockets \
             only."
        }
        libc::EINVAL => {
            "EINVAL: a call came when the socket was past it. IPV6_V6ONLY must be set before bind, and \
             a socket is bound once."
        }
        _ => return None,
    })
}

fn in_use(
    exam: &Exam,
    restart: Restart,
    addr: SocketAddr,
    error: &io::Error,
    case: &Case,
) -> Option<String> {
    let known = held_by_you(case, addr.port()).or_else(|| held_by_a_stranger(case, addr));
    if let Some(known) = known.or_else(|| without_the_option(addr)) {
        return Some(known);
    }
    let states = states(case, addr);
    if states.is_empty() {
        return None; // nothing is left there: the error is not about old connections
    }
    let family = if addr.is_ipv6() { "IPv6" } else { "IPv4" };
    let left =
        format!("No {family} socket listens there, only old connections are left ({states}).");
    let sample = exam.start("restart", move || restart(SocketAddr::new(addr.ip(), 0)));
    let sample = sample.and_then(|answer| answer.returns("at a free port"));
    if let Ok(Ok(listener)) = &sample {
        return Some(by_its_options(&SockRef::from(listener), &left, addr, error));
    }
    let otherwise = sample.ok().and_then(Result::err);
    Some(match otherwise.as_ref().and_then(by_errno) {
        Some(cause) => format!("At a free port your code fails, too, with {cause}"),
        None => format!("{left} `bind` forgives these if SO_REUSEADDR is set before it."),
    })
}

/// What a listener of the answer's at a free port says about the one that could not be bound.
fn by_its_options(socket: &SockRef, left: &str, addr: SocketAddr, error: &io::Error) -> String {
    let reuse_address = socket.reuse_address().unwrap_or(false);
    let reuse_port = socket.reuse_port().unwrap_or(false);
    if reuse_port && !reuse_address {
        format!(
            "{left} Your listener at another port has SO_REUSEPORT, and not SO_REUSEADDR. The two are \
             different: SO_REUSEPORT shares a port among sockets that all have it, and the old ones \
             have not; SO_REUSEADDR is what forgives old connections."
        )
    } else if !reuse_address {
        format!(
            "{left} `bind` forgives these if SO_REUSEADDR is set before it; a listener of yours at \
             another port has no SO_REUSEADDR."
        )
    } else if addr.is_ipv6() && !socket.only_v6().unwrap_or(true) {
        "An IPv4 socket listens at this port, and your IPv6 listeners take IPv4 clients too: one at \
         another port has no IPV6_V6ONLY. Set it before bind, and the two families are apart, whatever \
         the system's default is."
            .to_owned()
    } else if error.raw_os_error().is_some() {
        format!(
            "{left} A listener of yours at another port has SO_REUSEADDR, so you do set it: too late, \
             or not this time. `bind` is the call that reads it: set it first, always."
        )
    } else {
        format!(
            "{left} A listener of yours at another port has SO_REUSEADDR. Either it is set too late, for \
             `bind` is the call that reads it; or the error is not bind's but your own, and only `bind` \
             knows whether an address can be had."
        )
    }
}

/// What is left at the address refuses even a socket that has the option.
fn without_the_option(addr: SocketAddr) -> Option<String> {
    let has_it = Listen {
        v6only: Some(true),
        ..Listen::default()
    };
    let in_use = |error: io::Error| error.kind() == ErrorKind::AddrInUse;
    has_it.on(addr).is_err_and(in_use).then(|| {
        "The exam tried a socket with SO_REUSEADDR, and it cannot bind here either: what is left there \
         does not have the option. Linux asks both for it, the old socket and the new. So a server sets \
         it every time, its first start too, and what it accepts inherits it."
            .to_owned()
    })
}

fn held_by_a_stranger(case: &Case, addr: SocketAddr) -> Option<String> {
    // A listener of another address, or of the other family, is in nobody's way.
    let in_the_way = |seen: &Seen| {
        let Seen { row, whose } = seen;
        let (ip, is_theirs) = (row.local.ip(), *whose == Whose::Nobodys);
        let is_same = ip.is_ipv6() == addr.is_ipv6()
            && (ip == addr.ip() || ip.is_unspecified() || addr.ip().is_unspecified());
        let is_of_both = ip.is_unspecified() && ip.is_ipv6(); // unless it has IPV6_V6ONLY
        row.state == State::Listen
            && is_theirs
            && row.local.port() == addr.port()
            && (is_same || is_of_both)
    };
    let held = case.evidence.sockets.iter().any(in_the_way);
    held.then(|| "Another process has taken the port meanwhile: examine it again.".to_owned())
}

/// A listener that the answer has made before is still there.
pub(super) fn held_by_you(case: &Case, port: u16) -> Option<String> {
    let held = |seen: &&Seen| seen.row.state == State::Listen && seen.row.local.port() == port;
    let Whose::Yours(fd) = case.evidence.yours().find(held)?.whose else {
        return None;
    };
    Some(format!(
        "Your own descriptor {fd} still listens there: a clone that lives on somewhere, or another \
         socket that was never closed. A listener is closed when the last of its descriptors is, and one \
         that listens is never forgiven."
    ))
}

/// The states of the old server's ends, in words.
fn states(case: &Case, addr: SocketAddr) -> String {
    let mut states: Vec<String> = Vec::new();
    for Seen { row, .. } in &case.evidence.sockets {
        let old = row.local.port() == addr.port() && row.state != State::Listen;
        if old && !states.contains(&row.state.to_string()) {
            states.push(row.state.to_string());
        }
    }
    states.join(", ")
}

/// `restart` has returned a listener although another server lives at the address.
pub(super) fn taken_from_a_server(
    addr: SocketAddr,
    listener: &TcpListener,
    case: &Case,
) -> Option<String> {
    let local = listener.local_addr().ok()?;
    Some(if !listens(case, local) {
        not_listening().to_owned()
    } else if local.port() == addr.port() && local != addr {
        elsewhere(addr, local).to_owned()
    } else if local == addr {
        let (yours, its) = queued(&case.evidence, addr.port());
        if yours == 0 || its == 0 || !SockRef::from(listener).reuse_port().ok()? {
            return None;
        }
        "Two sockets listen at one address now, each row with clients of its own: the kernel spreads \
         them over both, and those of the one program never reach the other. This is what SO_REUSEPORT \
         does if both have set it. It is for the workers of one server, and no cure for AddrInUse."
            .to_owned()
    } else {
        format!(
            "The address was taken, and you listen at {local} instead, where no client will look. \
             Return the error: what to do now is for the caller to decide."
        )
    })
}

/// `restart` has returned an error of another kind although another server lives at the address.
pub(super) fn of_another_kind(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(_) => by_errno(error).unwrap_or(
            "This is the kernel's error for another call than a bind that finds the address in use: one \
             that came first, or one that was made in spite of bind's error.",
        ),
        None => {
            "A caller who must decide what to do asks for the `kind()`, and this one does not tell it. \
             bind's own error does: return it as it is."
        }
    }
}

/// The listener is at another address than was asked for.
pub(super) fn elsewhere(addr: SocketAddr, local: SocketAddr) -> &'static str {
    let everywhere = local.ip().is_unspecified() && !addr.ip().is_unspecified();
    if everywhere && local.port() != 0 {
        "That is every address of this machine, those of its networks too: whom nobody meant to serve \
         can connect, and another server at this port of another address is in the way. Bind what you \
         are given."
    } else {
        "Clients look for the server at the address they know. Bind what you are given; only port 0 \
         asks the kernel for a free one, and only bind makes it give one."
    }
}

/// A client that dials the listener does not get through.
pub(super) fn unreachable(local: SocketAddr, case: &Case) -> Option<String> {
    (!listens(case, local)).then(|| not_listening().to_owned())
}

/// A client is connected to the listener, which has it not in its queue.
pub(super) fn not_in_the_queue(end: End, case: &Case) -> Option<String> {
    let mut yours = case.evidence.yours();
    let Whose::Yours(fd) = yours.find(|seen| seen.row.end() == end)?.whose else {
        return None;
    };
    Some(format!(
        "Another descriptor or thread of yours has accepted the client already: your end of the \
         connection is descriptor {fd}."
    ))
}

/// Whether one of the answer's sockets listens at this address.
fn listens(case: &Case, local: SocketAddr) -> bool {
    let listens = |seen: &Seen| seen.row.state == State::Listen && seen.row.local == local;
    case.evidence.yours().any(listens)
}

pub(super) fn not_listening() -> &'static str {
    "The kernel has no LISTEN row of yours for it. `bind` gives a socket an address, `listen` opens it: \
     until then the kernel answers every SYN with RST, and the client is refused."
}

/// `restart` has not returned, and its thread sleeps.
pub(super) fn asleep(case: &Case) -> Option<String> {
    let what = "Your thread sleeps, as one does that waits for an address to become free.";
    Some(format!("{what} {}", no_use_in_waiting(case)))
}

fn no_use_in_waiting(case: &Case) -> String {
    let is_old = |seen: &Seen| seen.row.state != State::Listen;
    let listens = |seen: &Seen| seen.row.state == State::Listen;
    let who = if case.evidence.sockets.iter().any(is_old) {
        "Old connections keep an address for as long as they live, and TIME_WAIT for a minute"
    } else if case.evidence.sockets.iter().any(listens) {
        "A server listens there, and may do so for days"
    } else {
        "Nothing holds the address"
    };
    format!(
        "{who}: what can be had can be had at once, and whether to try again is for the caller to \
         decide."
    )
}

/// What an answer can do wrong in any check, by what the kernel shows.
pub(super) fn likely(case: &Case) -> Option<String> {
    if case.panicked {
        return Some(
            "Your code has panicked; where and why is said above. If it unwraps what a call returned: \
             the error is for the caller to know. Return it, with `?`."
                .to_owned(),
        );
    }
    match case.awaited {
        Awaited::Return => does_not_return(case),
        _ => None,
    }
}

/// `restart` has not returned.
pub(super) fn does_not_return(case: &Case) -> Option<String> {
    if case.is_blocked_in(&[Call::Sleep]) {
        return asleep(case);
    }
    matches!(case.stuck, Some(Stuck::Spin(..))).then(|| {
        format!(
            "Your thread runs and does not return: most likely it tries the same call again and again. {}",
            no_use_in_waiting(case)
        )
    })
}
