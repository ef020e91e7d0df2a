//! Clients that all connect at once, and send nothing.

use std::{
    io::{ErrorKind, Read},
    net::{SocketAddr, TcpStream},
};

use nix::{errno::Errno, poll::PollFlags};
use socket_workshop::{
    accept_queue::somaxconn,
    table::{End, State, Table},
};
use socket2::{Domain, SockRef, Socket, Type};

use super::server::{GREETING, Server};

use crate::exam::{Because, CheckError, Verdict, or_skip, quote};

/// Sockets, and the server that they are for.
pub(super) struct Crowd<'s> {
    server: &'s Server<'s>,
    clients: Vec<TcpStream>,
}

/// What became of the clients' connections.
pub(super) enum Connected {
    All,
    Failed(String),
}

impl<'s> Crowd<'s> {
    /// Sockets for this many clients, not connected yet.
    pub(super) fn of(count: usize, server: &'s Server<'s>) -> Verdict<Crowd<'s>> {
        let socket = || {
            let socket = or_skip(
                "make a socket",
                Socket::new(Domain::for_address(server.addr), Type::STREAM, None),
            )?;
            or_skip("make a socket non-blocking", socket.set_nonblocking(true))?;
            server.exam.owns(&socket);
            Ok(socket.into())
        };
        let clients = (0..count).map(|_| socket()).collect::<Verdict<_>>()?;
        Ok(Crowd { server, clients })
    }

    /// All connect, and none reads yet. Takes no descriptor.
    pub(super) fn connect(&self) -> Verdict<Connected> {
        let Server { exam, addr, .. } = self.server;
        let mut ends = Vec::new();
        for client in &self.clients {
            match SockRef::from(client).connect(&(*addr).into()) {
                Ok(()) => {}
                Err(error) if error.raw_os_error() == Some(Errno::EINPROGRESS as i32) => {}
                Err(error) => return Ok(Connected::Failed(error.to_string())),
            }
            ends.push(or_skip("read the client's address", End::of(client))?);
        }
        // The answer has asked for a queue longer than this crowd. One that is full stays too
        // short.
        let is_full = |table: &Table| {
            let listener = table.find(End::listener(*addr));
            listener.is_some_and(|row| row.backlog.is_some_and(|backlog| row.recv_q > backlog))
        };
        let is_under_way = |table: &Table, end| {
            let row = table.find(end);
            row.is_some_and(|row| row.state == State::SynSent)
        };
        let outcome = exam.table_shows(|table| {
            let waiting = ends.iter().any(|end| is_under_way(table, *end));
            match waiting {
                false => Some(true),
                true if is_full(table) => Some(false),
                true => None,
            }
        })?;
        if outcome != Some(true) {
            return Ok(Connected::Failed("some SYNs are not answered".to_owned()));
        }
        for client in &self.clients {
            if let Some(error) = or_skip("read SO_ERROR", client.take_error())? {
                return Ok(Connected::Failed(error.to_string()));
            }
        }
        let count = self.clients.len();
        exam.step(format!("connected {count} clients, which send nothing"));
        Ok(Connected::All)
    }

    /// They must have connected.
    pub(super) fn have_connected(&self, result: Connected) -> Verdict {
        let Server { exam, addr, .. } = self.server;
        let Connected::Failed(seen) = result else {
            return Ok(());
        };
        if (somaxconn() as usize) < self.clients.len() {
            return Err(CheckError::skipped(
                "net.core.somaxconn is less than the clients",
            ));
        }
        let expected = format!("{} connections to {addr}", self.clients.len());
        exam.fail(expected, seen).because(|case| {
            let mut rows = case.evidence.sockets.iter().map(|seen| &seen.row);
            let row = rows.find(|row| row.state == State::Listen)?;
            let backlog = row.backlog.filter(|backlog| row.recv_q > *backlog)?;
            Some(format!(
                "The accept queue is full: {} connections (Recv-Q) wait in it, with a backlog of \
                 {backlog}. The kernel drops further SYNs without an answer. Accept in a loop that \
                 waits for no client.",
                row.recv_q
            ))
        })
    }

    /// None of them has read an end, of file or by a reset.
    pub(super) fn none_is_turned_away(&self) -> Verdict {
        let exam = self.server.exam;
        for client in &self.clients {
            let addr = or_skip("read the client's address", client.local_addr())?;
            let end = match client.peek(&mut [0]) {
                Ok(0) => "end of file".to_owned(),
                Err(error) if error.kind() != ErrorKind::WouldBlock => error.to_string(),
                _ => continue,
            };
            return exam
                .fail(
                    "new clients to wait in the accept queue while no descriptor is left",
                    format!("{addr} has read {end}"),
                )
                .because(|case| {
                    (!case.panicked).then(|| {
                        "Your code has accepted a client and closed its connection without a \
                         greeting, for example by a descriptor that it keeps in reserve. A client \
                         in the accept queue loses nothing: leave it there until a descriptor is \
                         free."
                            .to_owned()
                    })
                });
        }
        Ok(())
    }

    /// Each of them reads the greeting.
    pub(super) fn are_greeted(&self) -> Verdict {
        let exam = self.server.exam;
        for (greeted, client) in self.clients.iter().enumerate() {
            let addr = or_skip("read the client's address", client.local_addr())?;
            let (got, after) = self.greeting_at(client)?;
            if got == GREETING {
                continue;
            }
            self.is_not_greeted(greeted, addr, got, &after)?;
        }
        exam.step(format!("each of them has read {}", quote(GREETING)));
        Ok(())
    }

    fn is_not_greeted(
        &self,
        greeted: usize,
        addr: SocketAddr,
        got: Vec<u8>,
        after: &str,
    ) -> Verdict {
        let count = self.clients.len();
        let expected = format!("each of the {count} clients to read {}", quote(GREETING));
        let came = match &got[..] {
            [] => "nothing".to_owned(),
            got => quote(got),
        };
        let seen = format!("{greeted} of them got it, {addr} did not: {came}{after}");
        let mut failed = self.server.exam.fail(expected, seen);
        if let Err(CheckError::Failed(case)) = &mut failed {
            case.arrived = got;
            case.wanted = GREETING.to_vec();
        }
        failed.because(|case| self.server.why_not_greeted(case, addr))
    }

    /// What a client gets, as many bytes as the greeting has, and how that ended if these are
    /// fewer.
    fn greeting_at(&self, mut client: &TcpStream) -> Verdict<(Vec<u8>, String)> {
        let mut got = Vec::new();
        let mut buf = [0; GREETING.len()];
        while got.len() < GREETING.len() {
            if !self.server.exam.becomes_ready(client, PollFlags::POLLIN)? {
                return Ok((got, ", and nothing more comes".to_owned()));
            }
            let room = GREETING.len() - got.len();
            match client.read(&mut buf[..room]) {
                Ok(0) => return Ok((got, ", then end of file".to_owned())),
                Ok(n) => got.extend(&buf[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Ok((got, format!(", then {error}"))),
            }
        }
        Ok((got, String::new()))
    }
}
