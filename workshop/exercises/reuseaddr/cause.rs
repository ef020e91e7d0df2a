//! What follows from the evidence: why an address was not taken back, or was taken from a live
//! server. An error of `bind` does not say which option was missing; a listener of the answer's on
//! a free port shows which it has.

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

use crate::exam::{Awaited, Call, Case, Exam, Owner, Seen, Stuck};

/// `restart` has returned an error where no socket listens.
pub(super) struct NotTaken<'a> {
    pub(super) exam: &'a Exam,
    pub(super) restart: Restart,
    pub(super) addr: SocketAddr,
    pub(super) error: &'a io::Error,
}

impl NotTaken<'_> {
    pub(super) fn diagnose(&self, case: &Case) -> Option<String> {
        match self.error.kind() {
            ErrorKind::AddrInUse if self.addr.port() == 0 => None,
            ErrorKind::AddrInUse => self.in_use(case),
            _ => by_errno(self.error).map(str::to_owned),
        }
    }

    fn in_use(&self, case: &Case) -> Option<String> {
        let (restart, addr) = (self.restart, self.addr);
        let known = held_by_you(case, addr.port()).or_else(|| held_by_a_stranger(case, addr));
        if let Some(known) = known.or_else(|| without_the_option(addr)) {
            return Some(known);
        }
        let states = states(case, addr);
        if states.is_empty() {
            return on_another_address(case, addr); // old connections are not the reason
        }
        let family = if addr.is_ipv6() { "IPv6" } else { "IPv4" };
        let left =
            format!("No {family} socket listens there; only old connections are left ({states}).");
        let sample = self
            .exam
            .start("restart", move || restart(SocketAddr::new(addr.ip(), 0)));
        let sample = sample.and_then(|answer| answer.returns("on a free port"));
        if let Ok(Ok(listener)) = &sample {
            let is_own = self.error.raw_os_error().is_none();
            return Some(by_its_options(
                &SockRef::from(listener),
                &left,
                addr,
                is_own,
            ));
        }
        let otherwise = sample.ok().and_then(Result::err);
        Some(match otherwise.as_ref().and_then(by_errno) {
            Some(cause) => format!("On a free port your code fails too, with {cause}"),
            None => format!("{left} `bind` ignores these if SO_REUSEADDR is set before it."),
        })
    }
}

fn by_errno(error: &io::Error) -> Option<&'static str> {
    Some(match error.raw_os_error()? {
        libc::EAFNOSUPPORT => {
            "EAFNOSUPPORT: the socket was made for one address family, and the address is of the \
             other. Make the socket with `Domain::for_address(addr)`."
        }
        libc::ENOPROTOOPT => {
            "ENOPROTOOPT: a socket of this family does not have that option. Set IPV6_V6ONLY on \
             IPv6 sockets only."
        }
        libc::EINVAL => {
            "EINVAL: a call came too late. IPV6_V6ONLY must be set before `bind`, and a socket can \
             be bound only once."
        }
        _ => return None,
    })
}

/// What a listener of the answer's at a free port says about the one that could not be bound.
fn by_its_options(socket: &SockRef, left: &str, addr: SocketAddr, is_own: bool) -> String {
    let reuse_address = socket.reuse_address().unwrap_or(false);
    let reuse_port = socket.reuse_port().unwrap_or(false);
    if reuse_port && !reuse_address {
        format!(
            "{left} The check called your code for a free port too: it sets SO_REUSEPORT, and not \
             SO_REUSEADDR. SO_REUSEPORT shares a port among listeners that all have it. With \
             SO_REUSEADDR, `bind` ignores old connections: set that instead."
        )
    } else if !reuse_address {
        format!(
            "{left} `bind` ignores these if SO_REUSEADDR is set before it. The check called your \
             code for a free port too, and that listener has no SO_REUSEADDR: set it."
        )
    } else if addr.is_ipv6() && !socket.only_v6().unwrap_or(true) {
        "An IPv4 socket listens on this port, and your code leaves IPV6_V6ONLY off, so its IPv6 \
         listeners accept IPv4 clients too. Call `set_only_v6(true)` before `bind`. Then the \
         families do not conflict, whatever the system's default is."
            .to_owned()
    } else if is_own {
        format!(
            "{left} The error has no number of the kernel's. Either your code itself decides that \
             the address is in use, and only `bind` knows that. Or it replaces the error of a \
             `bind` before which it had not set SO_REUSEADDR."
        )
    } else {
        format!(
            "{left} The check called your code for a free port too, and that listener has \
             SO_REUSEADDR. Either your code sets it too late, or not every time: set it every \
             time, before `bind`, which reads it. Or the error is your own and not that of `bind`: \
             only `bind` knows whether an address is free."
        )
    }
}

/// A socket listens at the port, on another address.
fn on_another_address(case: &Case, addr: SocketAddr) -> Option<String> {
    let mut sockets = case.evidence.sockets.iter().map(|seen| &seen.row);
    let other = sockets.find(|row| {
        row.state == State::Listen
            && row.local.port() == addr.port()
            && row.local.ip() != addr.ip()
            && !row.local.ip().is_unspecified()
            && !addr.ip().is_unspecified()
    })?;
    Some(format!(
        "{} listens on another address of this machine, which does not conflict. Either your code \
         itself decides that the address is in use, and only `bind` knows that; or it binds more \
         than the given address.",
        other.local
    ))
}

/// What is left at the address refuses even a socket that has the option.
fn without_the_option(addr: SocketAddr) -> Option<String> {
    let has_it = Listen {
        v6only: Some(true),
        ..Listen::default()
    };
    let in_use = |error: io::Error| error.kind() == ErrorKind::AddrInUse;
    has_it.on(addr).is_err_and(in_use).then(|| {
        "The check tried a socket with SO_REUSEADDR, and it cannot bind here either: the socket \
         that is left there does not have the option. Linux requires it on both, the old socket \
         and the new. Set it every time, at the first start too: accepted connections inherit it."
            .to_owned()
    })
}

fn held_by_a_stranger(case: &Case, addr: SocketAddr) -> Option<String> {
    // A listener of another address, or of the other family, does not conflict.
    let in_the_way = |seen: &Seen| {
        let Seen { row, owner } = seen;
        let (ip, is_theirs) = (row.local.ip(), *owner == Owner::Nobodys);
        let is_same = ip.is_ipv6() == addr.is_ipv6()
            && (ip == addr.ip() || ip.is_unspecified() || addr.ip().is_unspecified());
        let is_of_both = ip.is_unspecified() && ip.is_ipv6(); // unless it has IPV6_V6ONLY
        row.state == State::Listen
            && is_theirs
            && row.local.port() == addr.port()
            && (is_same || is_of_both)
    };
    let held = case.evidence.sockets.iter().any(in_the_way);
    held.then(|| "Another process has taken the port meanwhile: check it again.".to_owned())
}

/// A listener that the answer has made before is still there.
pub(super) fn held_by_you(case: &Case, port: u16) -> Option<String> {
    let held = |seen: &&Seen| seen.row.state == State::Listen && seen.row.local.port() == port;
    let Owner::Yours(fd) = case.evidence.yours().find(held)?.owner else {
        return None;
    };
    Some(format!(
        "Your own descriptor {fd} still listens there: a clone that your code keeps, or a socket \
         that it has not closed. The kernel closes a listener with its last descriptor, and \
         SO_REUSEADDR does not ignore a listener. Keep no clone."
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
        let (yours, its) = queued(&case.evidence, addr);
        if yours == 0 || its == 0 || !SockRef::from(listener).reuse_port().ok()? {
            return None;
        }
        "Two sockets now listen on one address, and the kernel spreads the clients over both, so \
         the live server misses some. SO_REUSEPORT does that if both have set it. It is meant for \
         the workers of one server. Set SO_REUSEADDR only, and return AddrInUse."
            .to_owned()
    } else {
        format!(
            "The address was in use, and your code listens on {local} instead, where no client \
             will look. Return the error: the caller must decide."
        )
    })
}

/// `restart` has returned an error of another kind although another server lives at the address.
pub(super) fn of_another_kind(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(_) => by_errno(error).unwrap_or(
            "This is the error of another call than the `bind` that found the address in use: an \
             earlier one, or one that your code made after the error of `bind`. Return the error \
             of `bind`.",
        ),
        None => {
            "The caller looks at the `kind()` of the error to decide what to do. Your code \
             replaces the error of `bind` by one of another kind. Return it with `?`."
        }
    }
}

/// `restart` has returned another error for an address that `bind` refuses.
pub(super) fn another_error_of_bind(addr: SocketAddr, error: &io::Error) -> &'static str {
    let has_a_scope = matches!(addr, SocketAddr::V6(addr) if addr.scope_id() != 0);
    match error.raw_os_error() {
        Some(libc::EINVAL) if has_a_scope => {
            "An address of one link has a scope id, the number of an interface (after the %). \
             `bind` fails with EINVAL without it, and here it was given. `SocketAddr::new` and \
             `addr.ip()` drop it: bind the address as it is given."
        }
        _ => {
            "This address cannot be bound here, and `bind` says so. The caller looks at the kind of \
             the error to decide what to do: return the error of `bind`, with `?`."
        }
    }
}

/// `restart` has returned a listener for an address that `bind` refuses.
pub(super) fn bound_where_bind_fails(addr: SocketAddr, local: SocketAddr) -> &'static str {
    if local.ip() == addr.ip() {
        "No interface of this machine has the address, so no client can connect. `bind` refuses \
         it, unless an option of the socket (IP_FREEBIND, IP_TRANSPARENT) allows what does not \
         exist. Set no such option, and return the error of `bind`."
    } else {
        "This address cannot be bound here, and your code listens on another one. Return the error \
         of `bind`, with `?`: the caller must decide."
    }
}

/// The listener is at another address than was asked for.
pub(super) fn elsewhere(addr: SocketAddr, local: SocketAddr) -> &'static str {
    let everywhere = local.ip().is_unspecified() && !addr.ip().is_unspecified();
    if local.ip() != addr.ip() && local.ip().to_canonical() == addr.ip() {
        "Your listener is an IPv6 socket, on the IPv4 address mapped into IPv6 (::ffff:…). Clients \
         of the IPv4 address reach it, but its address and theirs are IPv6 addresses, and not the \
         given ones. Make the socket with `Domain::for_address(addr)`, and bind the given address."
    } else if everywhere && local.port() != 0 {
        "Your code binds every address of this machine, those of its networks too. Clients that \
         should not reach it can connect, and a server that has this port on another address \
         conflicts. Bind the given address."
    } else if addr.ip().is_unspecified() {
        "The given address means all addresses of the machine, and your code binds one of them: \
         clients of the others are refused. Bind the given address."
    } else {
        "Your code binds another address than the given one, where no client looks for the server. \
         Bind the given address. Only port 0 asks the kernel for a free port."
    }
}

/// A client that dials the listener does not get through.
pub(super) fn unreachable(local: SocketAddr, case: &Case) -> Option<String> {
    (!listens(case, local)).then(|| not_listening().to_owned())
}

/// A client is connected to the listener, but it is not in the accept queue.
pub(super) fn not_in_the_queue(end: End, case: &Case) -> Option<String> {
    let mut yours = case.evidence.yours();
    let Owner::Yours(fd) = yours.find(|seen| seen.row.end() == end)?.owner else {
        return None;
    };
    Some(format!(
        "Another thread of your code has already accepted the client: your end of the connection \
         is descriptor {fd}. Return the listener, and leave accept to the caller."
    ))
}

/// Whether one of the answer's sockets listens at this address.
fn listens(case: &Case, local: SocketAddr) -> bool {
    let listens = |seen: &Seen| seen.row.state == State::Listen && seen.row.local == local;
    case.evidence.yours().any(listens)
}

pub(super) fn not_listening() -> &'static str {
    "The kernel has no LISTEN row of yours for it. `bind` gives a socket an address. Until you \
     call `listen`, the kernel answers every SYN with RST, and the client is refused."
}

/// `restart` has not returned, and its thread waits until a time is over.
pub(super) fn waits(case: &Case) -> Option<String> {
    let why = why_not_wait(case);
    Some(format!(
        "Your code waits until some time is over, and then tries again. {why}"
    ))
}

fn why_not_wait(case: &Case) -> String {
    let is_old = |seen: &Seen| seen.row.state != State::Listen;
    let listens = |seen: &Seen| seen.row.state == State::Listen;
    let who = if case.evidence.sockets.iter().any(is_old) {
        "Old connections keep the address as long as they are open, and TIME_WAIT keeps it for a \
         minute, unless SO_REUSEADDR is set."
    } else if case.evidence.sockets.iter().any(listens) {
        "A server listens there, and may do so for days."
    } else {
        "No socket has the address."
    };
    format!(
        "{who} Call `bind` once, and return its error: the caller decides whether to try again."
    )
}

/// What an answer can do wrong in any check, by what the kernel shows.
pub(super) fn diagnose(case: &Case) -> Option<String> {
    if case.panicked {
        return Some(
            "Your code panicked. An address in use is an ordinary error: `unwrap` and `expect` \
             turn it into a panic. Return it with `?`: the caller must know."
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
        return waits(case);
    }
    matches!(case.stuck, Some(Stuck::Spin(..))).then(|| {
        let why = why_not_wait(case);
        format!("Your loop makes the same call again and again, and it fails each time. {why}")
    })
}
