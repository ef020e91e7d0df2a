//! Clients that all dial at once, without waiting for an answer.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use nix::{errno::Errno, poll::PollFlags};
use socket_workshop::{
    serve::raise_descriptor_limit,
    table::{End, Row, State, Table},
};
use socket2::{Domain, Socket, Type};

use crate::exam::{Exam, Verdict, or_skip, quote};

/// Clients whose SYNs have all been sent.
pub(super) struct Crowd<'e> {
    exam: &'e Exam,
    addr: SocketAddr,
    clients: Vec<TcpStream>,
}

/// What has become of clients, in the kernel's table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    /// In the accept queue: LISTEN's Recv-Q.
    pub(super) queued: usize,
    /// Accepted, and still open at the server's end.
    pub(super) accepted: usize,
    /// Closed by the server, while the client has not closed.
    pub(super) closed: usize,
    /// SYNs that the listener has dropped. If the kernel does not show that, clients in SYN_SENT.
    pub(super) dropped: usize,
    /// The listener's backlog.
    pub(super) backlog: Option<u32>,
}

impl Fate {
    /// Of the clients of this listener.
    pub(super) fn of(addr: SocketAddr, table: &Table) -> Fate {
        let count = |is: &dyn Fn(&Row) -> bool| table.rows.iter().filter(|row| is(row)).count();
        let its_end = |row: &Row| row.local == addr && row.state != State::Listen;
        let silent = count(&|row| row.peer == addr && row.state == State::SynSent);
        let listener = table.find(End::listener(addr));
        Fate {
            queued: listener.map_or(0, |row| row.recv_q as usize),
            accepted: count(&|row| its_end(row) && row.inode != 0),
            closed: count(&|row| row.peer == addr && row.state == State::CloseWait),
            dropped: listener
                .and_then(|row| row.drops)
                .map_or(silent, |drops| drops as usize),
            backlog: listener.and_then(|row| row.backlog),
        }
    }

    /// Whether it is known what has become of this many clients: each is in the queue or was, or
    /// the queue is full. Drops alone would not do: on a slow machine a SYN is sent again, and
    /// dropped again.
    pub(super) fn decides(&self, clients: usize) -> bool {
        let full = self
            .backlog
            .is_none_or(|backlog| self.queued > backlog as usize);
        let dropped = if full { self.dropped } else { 0 };
        self.queued + self.accepted + self.closed + dropped >= clients
    }
}

impl<'e> Crowd<'e> {
    /// This many dial, and the kernel has queued each of them, dropped its SYN, or given it to
    /// accept.
    pub(super) fn dials(exam: &'e Exam, addr: SocketAddr, count: usize) -> Verdict<Crowd<'e>> {
        or_skip("raise the limit of descriptors", raise_descriptor_limit())?;
        let sockets = (0..count).map(|_| socket(exam));
        let sockets = sockets.collect::<Verdict<Vec<_>>>()?;
        for socket in &sockets {
            match socket.connect(&addr.into()) {
                Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => {
                    return or_skip("begin to dial", Err(error));
                }
                _ => {}
            }
        }
        exam.step(format!("{count} clients dial at once, and wait"));
        let clients = sockets.into_iter().map(TcpStream::from).collect();
        let crowd = Crowd {
            exam,
            addr,
            clients,
        };
        crowd.decided()?;
        Ok(crowd)
    }

    /// Waits until no SYN of theirs is under way: on loopback that is soon, and nothing depends on
    /// it where it is not.
    fn decided(&self) -> Verdict {
        let all = |table: &Table| {
            Fate::of(self.addr, table)
                .decides(self.clients.len())
                .then_some(())
        };
        self.exam.table_shows(all).map(drop)
    }

    /// Each of them reads this, and if `then_ends`, end of file after it. Or the first that does
    /// not, and what it reads instead.
    pub(super) fn read(
        &self,
        bytes: &[u8],
        then_ends: bool,
    ) -> Verdict<Result<(), (SocketAddr, String)>> {
        let count = self.clients.len();
        for (done, client) in self.clients.iter().enumerate() {
            let addr = or_skip("read the client's address", client.local_addr())?;
            if let Err(seen) = reads(self.exam, client, bytes, then_ends)? {
                let seen = format!("{done} of {count} have read it, {addr} read {seen}");
                return Ok(Err((addr, seen)));
            }
        }
        self.exam
            .step(format!("each of the {count} has read {}", quote(bytes)));
        Ok(Ok(()))
    }

    /// Each of them sends a byte, which ends its service: the server closes first.
    pub(super) fn say_a_word(&self) -> Verdict {
        for mut client in &self.clients {
            or_skip("send a byte", client.write_all(b"."))?;
        }
        let count = self.clients.len();
        let step = format!("each of the {count} has sent a byte: `handle` returns");
        self.exam.step(step);
        Ok(())
    }
}

/// Reads these bytes, and if `then_ends`, end of file after them; or else says what has come.
fn reads(
    exam: &Exam,
    mut client: &TcpStream,
    bytes: &[u8],
    then_ends: bool,
) -> Verdict<Result<(), String>> {
    let most = bytes.len() + usize::from(then_ends); // one more to read is the end of file
    let (mut got, mut buf) = (Vec::new(), vec![0; most]);
    let then = loop {
        if got.len() == most {
            break String::new();
        }
        if !exam.becomes_ready(client, PollFlags::POLLIN)? {
            break ", and nothing more comes".to_owned();
        }
        let room = most - got.len();
        match client.read(&mut buf[..room]) {
            Ok(0) if then_ends && got == bytes => return Ok(Ok(())),
            Ok(0) => break ", then end of file".to_owned(),
            Ok(n) => got.extend(&buf[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => break format!(", then {error}"),
        }
    };
    if got == bytes && !then_ends {
        return Ok(Ok(()));
    }
    Ok(Err(match &got[..] {
        [] => format!("nothing{then}"),
        got => format!("{}{then}", quote(got)),
    }))
}

/// A socket without a port of its own: connect finds one, and may share it with other connections.
fn socket(exam: &Exam) -> Verdict<Socket> {
    let socket = or_skip(
        "make a socket",
        Socket::new(Domain::IPV4, Type::STREAM, None),
    )?;
    or_skip("make it non-blocking", socket.set_nonblocking(true))?;
    // Closed with RST: a thousand connections in TIME_WAIT would slow down each look at the table.
    or_skip("set SO_LINGER", socket.set_linger(Some(Duration::ZERO)))?;
    exam.owns(&socket);
    Ok(socket)
}
