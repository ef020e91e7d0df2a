//! `restart` called: it must return a listener, or refuse at once; and the listener must let clients in.

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
};

use nix::poll::PollFlags;
use socket_workshop::table::{End, Row};

use super::{
    Restart, causes,
    old::{clients, queued},
};

use crate::exam::{Answer, Because, Call, Doing, Exam, Peer, Verdict, here};

type Restarting<'e> = Answer<'e, io::Result<TcpListener>>;

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
    does_not_sleep(exam, &answer, &expected)?;
    match answer.returns(when)? {
        Ok(listener) => {
            exam.watches(&listener);
            Ok(listener)
        }
        Err(error) => exam
            .fail(expected, format!("an error: {error} ({:?})", error.kind()))
            .because(|case| causes::not_taken(exam, restart, addr, &error, case)),
    }
}

/// The listener, which must be at exactly this address.
pub(super) fn taken_at(exam: &Exam, restart: Restart, addr: SocketAddr) -> Verdict<TcpListener> {
    let listener = taken(exam, restart, addr, "where nobody listens")?;
    let local = here("read your listener's address", listener.local_addr())?;
    let (port_is_right, port) = match addr.port() {
        0 => (local.port() != 0, "a free port".to_owned()),
        port => (local.port() == port, format!("port {port}")),
    };
    exam.must(
        local.ip() == addr.ip() && port_is_right,
        format!("a listener at {}, {port}", addr.ip()),
        format!("it is at {local}"),
    )
    .caused_by(causes::elsewhere(addr, local))?;
    listening(exam, &listener)?;
    Ok(listener)
}

/// The error, which `restart` must return at once.
pub(super) fn refused(exam: &Exam, restart: Restart, live: &TcpListener) -> Verdict {
    let addr = here("read its address", live.local_addr())?;
    let answer = restarting(exam, restart, addr)?;
    let at_once = "`restart` to return an error at once: a server listens there";
    does_not_sleep(exam, &answer, at_once)?;
    let expected = "an error of kind AddrInUse: a server listens there";
    match answer.returns("although a server listens there")? {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(()),
        Err(error) => exam
            .fail(
                expected,
                format!("an error of kind {:?}: {error}", error.kind()),
            )
            .caused_by(causes::of_another_kind(&error)),
        Ok(listener) => {
            exam.watches(&listener);
            let port = listener.local_addr().map_or(0, |local| local.port());
            let seen = if port == addr.port() {
                clients(exam, addr, 32)?;
                let (yours, its) = queued(&exam.evidence(), port);
                format!("a listener: {yours} of the clients wait there, and {its} at the server")
            } else {
                format!("a listener at port {port}")
            };
            exam.fail(expected, seen)
                .because(|case| causes::taken_from_a_server(addr, &listener, case))
        }
    }
}

/// No right answer sleeps, however slow the machine is: one that is seen asleep waits for the address.
fn does_not_sleep(exam: &Exam, answer: &Restarting, expected: &str) -> Verdict {
    let sleeps = |doing: &Doing| {
        matches!(
            doing,
            Doing::Blocked {
                call: Call::Sleep,
                ..
            }
        )
    };
    let is_asleep = exam.until(|| {
        let is_asleep = exam.evidence().threads.iter().any(sleeps);
        Ok((is_asleep || answer.has_ended()).then_some(is_asleep))
    })?;
    match is_asleep {
        Some(false) => Ok(()),
        Some(true) => exam.fail(expected, "it sleeps").because(causes::asleep),
        None => exam
            .fail(expected, "it has not returned")
            .because(causes::does_not_return),
    }
}

/// The listener's row in the kernel's table.
pub(super) fn listening(exam: &Exam, listener: &TcpListener) -> Verdict<Row> {
    let local = here("read your listener's address", listener.local_addr())?;
    let table = exam.table()?;
    match table.find(End::listener(local)) {
        Some(row) => Ok(row.clone()),
        None => exam
            .fail(format!("a LISTEN row of {local}"), "there is none")
            .caused_by(causes::not_listening()),
    }
}

/// A client of the student's listener, and what accept returns for it.
pub(super) fn a_client_of<'e>(
    exam: &'e Exam,
    listener: &TcpListener,
) -> Verdict<(Peer<'e>, TcpStream)> {
    let addr = here("read your listener's address", listener.local_addr())?;
    let client = exam.dial(addr);
    let client = client.because(|case| causes::unreachable(addr, case))?;
    let ready = exam.becomes_ready(listener, PollFlags::POLLIN)?;
    let end = End::between(addr, client.addr()?);
    exam.must(ready, "your listener to have a client", "it has none")
        .because(|case| causes::not_in_the_queue(end, case))?;
    let (server, _) = here("accept", listener.accept())?;
    exam.owns(&server);
    exam.step("accepted the connection from your listener");
    Ok((client, server))
}
