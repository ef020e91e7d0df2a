//! Calls `restart`: it must return a listener, or an error immediately; and the listener must
//! accept clients.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
};

use nix::poll::PollFlags;
use socket_workshop::{
    table::{End, Row},
    threads::{self, Lasts, Thread},
};
use socket2::{Domain, Socket, Type};

use super::{
    Restart,
    cause::{self, NotTaken},
    old::{clients, queued},
};

use crate::exam::{Because, Call, CheckError, Exam, Peer, Running, Verdict, or_skip};

type Restarting<'e> = Running<'e, io::Result<TcpListener>>;

/// Calls the answer, on a thread of its own.
fn restarting(exam: &Exam, restart: Restart, addr: SocketAddr) -> Verdict<Restarting<'_>> {
    exam.step(format!("called `restart({addr})`"));
    exam.start("restart", move || restart(addr))
}

/// The listener, which `restart` must return.
pub(super) fn taken(
    exam: &Exam,
    restart: Restart,
    addr: SocketAddr,
    when: &str,
) -> Verdict<TcpListener> {
    let answer = restarting(exam, restart, addr)?;
    let expected = format!("`restart({addr})` to return a listener {when}");
    does_not_wait(exam, &answer, &expected)?;
    match answer.returns(when)? {
        Ok(listener) => {
            exam.watches(&listener);
            Ok(listener)
        }
        Err(error) => exam
            .fail(expected, format!("an error: {error} ({:?})", error.kind()))
            .because(|case| {
                let not_taken = NotTaken {
                    exam,
                    restart,
                    addr,
                    error: &error,
                };
                not_taken.diagnose(case)
            }),
    }
}

/// The listener, which must be on exactly this address.
pub(super) fn taken_at(exam: &Exam, restart: Restart, addr: SocketAddr) -> Verdict<TcpListener> {
    let listener = taken(exam, restart, addr, "where no socket listens")?;
    let local = or_skip("read your listener's address", listener.local_addr())?;
    let (port_is_right, port) = match addr.port() {
        0 => (local.port() != 0, "a free port".to_owned()),
        port => (local.port() == port, format!("port {port}")),
    };
    exam.must(
        local.ip() == addr.ip() && port_is_right,
        format!("a listener on {}, {port}", addr.ip()),
        format!("it is on {local}"),
    )
    .caused_by(cause::elsewhere(addr, local))?;
    listening(exam, &listener)?;
    Ok(listener)
}

/// The error, which `restart` must return immediately.
pub(super) fn refused(exam: &Exam, restart: Restart, live: &TcpListener) -> Verdict {
    let addr = or_skip("read its address", live.local_addr())?;
    let answer = restarting(exam, restart, addr)?;
    let at_once = "`restart` to return an error immediately: a server listens there";
    does_not_wait(exam, &answer, at_once)?;
    let expected = "an error of kind AddrInUse: a server listens there";
    match answer.returns("although a server listens there")? {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(()),
        Err(error) => exam
            .fail(
                expected,
                format!("an error of kind {:?}: {error}", error.kind()),
            )
            .caused_by(cause::of_another_kind(&error)),
        Ok(listener) => {
            exam.watches(&listener);
            let port = listener.local_addr().map_or(0, |local| local.port());
            let seen = if port == addr.port() {
                clients(exam, addr, 32)?;
                let (yours, its) = queued(&exam.evidence(), addr);
                format!("a listener: {yours} of the clients wait there, and {its} at the server")
            } else {
                format!("a listener on port {port}")
            };
            exam.fail(expected, seen)
                .because(|case| cause::taken_from_a_server(addr, &listener, case))
        }
    }
}

/// An error of the same kind as that of bind, which `restart` must return.
pub(super) fn fails_like_bind(exam: &Exam, restart: Restart, addr: SocketAddr) -> Verdict {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None);
    let Err(own) = or_skip("make a socket", socket)?.bind(&addr.into()) else {
        return Err(CheckError::skipped(format!("{addr} can be bound here")));
    };
    let kind = own.kind();
    let answer = restarting(exam, restart, addr)?;
    let expected = format!("`restart({addr})` to return an error of kind {kind:?}");
    does_not_wait(exam, &answer, &expected)?;
    let (seen, cause) = match answer.returns("for an address that cannot be bound")? {
        Err(error) if error.kind() == kind => return Ok(()),
        Err(error) => (
            format!("an error of kind {:?}: {error}", error.kind()),
            cause::another_error_of_bind(addr, &error),
        ),
        Ok(listener) => {
            let local = or_skip("read your listener's address", listener.local_addr())?;
            let seen = format!("a listener on {local}");
            (seen, cause::bound_where_bind_fails(addr, local))
        }
    };
    exam.fail(expected, seen).caused_by(cause)
}

/// `restart` must not return a listener for an IPv4 address that is written as an IPv6 one: it would
/// have the port of IPv4. `bind` refuses the address to a socket with IPV6_V6ONLY.
pub(super) fn refuses_a_mapped_address(exam: &Exam, restart: Restart) -> Verdict {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), 0));
    let answer = restarting(exam, restart, addr)?;
    let expected = format!("`restart({addr})` to return an error: it is an address of IPv4");
    does_not_wait(exam, &answer, &expected)?;
    let Ok(listener) = answer.returns("for an IPv4 address written as IPv6")? else {
        return Ok(());
    };
    exam.watches(&listener);
    let local = or_skip("read your listener's address", listener.local_addr())?;
    exam.fail(expected, format!("a listener on {local}"))
        .caused_by(
            "Your listener has a port of IPv4: ::ffff:127.0.0.1 is 127.0.0.1, written as an IPv6 \
             address. `bind` refuses it to an IPv6 socket with IPV6_V6ONLY. Set that option on \
             every IPv6 socket, bind the address as it is given, and return the error.",
        )
}

/// No right answer waits with a timeout, however slow the machine is: one that does waits for the
/// address.
fn does_not_wait(exam: &Exam, answer: &Restarting, expected: &str) -> Verdict {
    let seen = exam.until(|| {
        let threads = or_skip("look at threads", threads::others())?;
        let waits = threads.iter().find_map(timed_wait);
        let outcome = waits.map(Some);
        Ok(outcome.or_else(|| answer.has_ended().then_some(None)))
    })?;
    match seen {
        Some(None) => Ok(()),
        Some(Some(call)) => exam
            .fail(expected, format!("it waits, in {call}"))
            .because(cause::waits),
        None => exam
            .fail(expected, "it has not returned")
            .because(cause::does_not_return),
    }
}

/// The call in which a thread of the answer's waits until a time is over.
fn timed_wait(thread: &Thread) -> Option<Call> {
    let is_answers = !["exam", "ctrl-c"]
        .iter()
        .any(|own| thread.name.starts_with(own));
    let call = thread.call.filter(|_| is_answers)?;
    let may_be_timed = matches!(call.call(), Call::Sleep | Call::Lock | Call::Poll);
    let is_timed = may_be_timed && matches!(call.lasts(), Lasts::AtMost(_));
    is_timed.then(|| call.call())
}

/// The listener's row in the kernel's table.
pub(super) fn listening(exam: &Exam, listener: &TcpListener) -> Verdict<Row> {
    let local = or_skip("read your listener's address", listener.local_addr())?;
    let table = exam.table()?;
    match table.find(End::listener(local)) {
        Some(row) => Ok(row.clone()),
        None => exam
            .fail(format!("a LISTEN row of {local}"), "there is none")
            .caused_by(cause::not_listening()),
    }
}

/// A client of the student's listener, and what accept returns for it.
pub(super) fn a_client_of<'e>(
    exam: &'e Exam,
    listener: &TcpListener,
) -> Verdict<(Peer<'e>, TcpStream)> {
    let addr = or_skip("read your listener's address", listener.local_addr())?;
    let client = exam.dial(addr);
    let client = client.because(|case| cause::unreachable(addr, case))?;
    let ready = exam.becomes_ready(listener, PollFlags::POLLIN)?;
    let end = End::between(addr, client.addr()?);
    exam.must(
        ready,
        "your listener to have a client in its accept queue",
        "the queue is empty",
    )
    .because(|case| cause::not_in_the_queue(end, case))?;
    let (server, _) = or_skip("accept", listener.accept())?;
    exam.owns(&server);
    exam.step("accepted the connection from your listener");
    Ok((client, server))
}
