//! Clients that all come at once, and say nothing.

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
};

use socket_workshop::{deadline::Deadline, table::State};
use socket2::{Domain, SockRef, Socket, Type};

use super::server::{GREETING, Server};

use crate::exam::{Because, LIMIT, Verdict, here, quote};

/// So many sockets, and the server that they are for.
pub(super) struct Crowd<'s> {
    server: &'s Server<'s>,
    clients: Vec<TcpStream>,
}

impl<'s> Crowd<'s> {
    /// Sockets for so many clients, not connected yet.
    pub(super) fn of(count: usize, server: &'s Server<'s>) -> Verdict<Crowd<'s>> {
        let socket = || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None);
            let socket = here("make a socket", socket)?;
            server.exam.owns(&socket);
            Ok(socket.into())
        };
        let clients = (0..count).map(|_| socket()).collect::<Verdict<_>>()?;
        Ok(Crowd { server, clients })
    }

    /// All connect, within [`LIMIT`], and none reads yet. Takes no descriptor.
    pub(super) fn connect(&self) -> io::Result<()> {
        let (addr, deadline) = (self.server.addr.into(), Deadline::after(LIMIT));
        let mut sockets = self.clients.iter().map(SockRef::from);
        sockets.try_for_each(|socket| socket.connect_timeout(&addr, deadline.remaining()?))?;
        let count = self.clients.len();
        let exam = self.server.exam;
        exam.step(format!("connected {count} clients, which say nothing"));
        Ok(())
    }

    /// They must have connected.
    pub(super) fn have_connected(&self, result: io::Result<()>) -> Verdict {
        let Server { exam, addr, .. } = self.server;
        let Err(error) = result else { return Ok(()) };
        let expected = format!("{} connections to {addr}", self.clients.len());
        exam.fail(expected, error.to_string()).because(|case| {
            let mut rows = case.evidence.sockets.iter().map(|seen| &seen.row);
            let row = rows.find(|row| row.state == State::Listen)?;
            let backlog = row.backlog.filter(|backlog| row.recv_q > *backlog)?;
            Some(format!(
                "The accept queue is full: {} connections (Recv-Q) wait in it, with a backlog of \
                 {backlog}. The kernel drops the SYNs of whoever comes then, without a word.",
                row.recv_q
            ))
        })
    }

    /// Each of them reads the greeting, by a deadline that was [`LIMIT`] away.
    pub(super) fn are_greeted(&self, deadline: Deadline) -> Verdict {
        for (greeted, client) in self.clients.iter().enumerate() {
            let addr = here("read the client's address", client.local_addr())?;
            let mut got = vec![0; GREETING.len()];
            let read = deadline.on(client).read_exact(&mut got);
            if read.is_ok() && got == GREETING {
                continue;
            }
            let seen = match read {
                Ok(()) => quote(&got),
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    format!("nothing within {LIMIT:?}")
                }
                Err(error) => error.to_string(),
            };
            let count = self.clients.len();
            let expected = format!("each of the {count} clients to read {}", quote(GREETING));
            let seen = format!("{greeted} of them got it, {addr} did not: {seen}");
            let failed = self.server.exam.fail(expected, seen);
            return failed.because(|case| self.server.why_not_greeted(case, addr));
        }
        self.server
            .exam
            .step(format!("each of them has read {}", quote(GREETING)));
        Ok(())
    }
}
