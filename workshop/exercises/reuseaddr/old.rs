//! The old server, played by the exam, and what is left of it. Its sockets have had SO_REUSEADDR
//! from the start, as Linux requires, so that only the answer decides whether the address can be
//! taken back.

use std::{
    io::Read,
    net::{Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use nix::poll::PollFlags;
use socket_workshop::{
    listen::Listen,
    peer::connected,
    table::{End, State, Table},
};
use socket2::SockRef;

use crate::exam::{CheckError, Evidence, Exam, Owner, Verdict, or_skip};

/// A free port of an address that no other program uses here: all of 127/8 is loopback on Linux.
pub(super) fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 2], 0))
}

/// A free port of IPv6's loopback, if there is IPv6 here.
pub(super) fn ipv6() -> Option<SocketAddr> {
    let addr = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    TcpListener::bind(addr).is_ok().then_some(addr)
}

/// A server of the exam's own. An IPv6 one is for IPv6 alone.
pub(super) fn server(exam: &Exam, addr: SocketAddr) -> Verdict<TcpListener> {
    let options = Listen {
        v6only: Some(true),
        ..Listen::default()
    };
    open(exam, addr, options)
}

/// A server that lets others have its port, if they set SO_REUSEPORT too.
pub(super) fn sharing_server(exam: &Exam) -> Verdict<TcpListener> {
    let options = Listen {
        reuse_port: true,
        ..Listen::default()
    };
    open(exam, anywhere(), options)
}

fn open(exam: &Exam, addr: SocketAddr, options: Listen) -> Verdict<TcpListener> {
    let listener = or_skip("play a server", options.on(addr))?;
    exam.owns(&listener);
    exam.watches(&listener);
    Ok(listener)
}

/// What is left of a server that has closed its listener.
pub(super) struct Left {
    /// Where it listened.
    pub(super) addr: SocketAddr,
    /// The server's ends of its old connections.
    ends: Vec<(End, State)>,
    _sockets: Vec<TcpStream>,
}

impl Left {
    /// The server has closed a connection first, then its listener.
    pub(super) fn in_time_wait(exam: &Exam, server: TcpListener) -> Verdict<Left> {
        let addr = or_skip("read its address", server.local_addr())?;
        let (mut client, accepted, end) = or_skip("connect to it", connected(&server))?;
        drop(accepted);
        if !exam.becomes_ready(&client, PollFlags::POLLIN)? {
            return Err(CheckError::skipped("no end of file comes on loopback"));
        }
        or_skip("read its end of file", client.read(&mut [0]))?;
        drop(client);
        drop(server);
        let end = end.other();
        comes_to(exam, end, State::TimeWait)?;
        exam.step(format!(
            "the old server on {addr}, with SO_REUSEADDR, closed a connection first"
        ));
        exam.step("then it closed its listener: TIME_WAIT is left");
        Ok(Left {
            addr,
            ends: vec![(end, State::TimeWait)],
            _sockets: Vec::new(),
        })
    }

    /// The server has closed its listener while its connections are open: one whole, one whose
    /// server has sent its FIN, and one whose client has.
    pub(super) fn alive(exam: &Exam, server: TcpListener) -> Verdict<Left> {
        let addr = or_skip("read its address", server.local_addr())?;
        let (mut ends, mut sockets) = (Vec::new(), Vec::new());
        for (state, others) in [
            (State::Established, State::Established),
            (State::FinWait2, State::CloseWait),
            (State::CloseWait, State::FinWait2),
        ] {
            let (client, accepted, end) = or_skip("connect to it", connected(&server))?;
            exam.owns(&client);
            exam.owns(&accepted);
            let closed = match state {
                State::FinWait2 => accepted.shutdown(Shutdown::Write),
                State::CloseWait => client.shutdown(Shutdown::Write),
                _ => Ok(()),
            };
            or_skip("shut down a sending half", closed)?;
            comes_to(exam, end.other(), state)?;
            comes_to(exam, end, others)?;
            ends.push((end.other(), state));
            sockets.extend([client, accepted]);
        }
        exam.step(format!(
            "the old server on {addr}, with SO_REUSEADDR, closed its listener"
        ));
        exam.step("its connections are still open, in ESTABLISHED, FIN_WAIT_2 and CLOSE_WAIT");
        Ok(Left {
            addr,
            ends,
            _sockets: sockets,
        })
    }

    /// Checks that the old connections are as they were.
    pub(super) fn remains(&self, exam: &Exam) -> Verdict {
        let table = exam.table()?;
        for (end, state) in &self.ends {
            let now = table.find(*end).map(|row| row.state);
            let seen = now.map_or("it is gone".to_owned(), |now| format!("it is in {now}"));
            let expected = format!("the old connection {end} to stay in {state}");
            exam.must(now == Some(*state), expected, seen)?;
        }
        Ok(())
    }
}

/// Waits until the kernel shows an end in a state.
pub(super) fn comes_to(exam: &Exam, end: End, state: State) -> Verdict {
    let look = |table: &Table| {
        let found = table.find(end).filter(|row| row.state == state);
        found.map(|_| ())
    };
    let seen = exam.table_shows(look)?;
    seen.ok_or_else(|| CheckError::skipped(format!("{end} does not come to {state} here")))
}

/// Clients that connect, and reset the connection: it stays in the accept queue all the same, and
/// no row but the listeners' is left to be shown. The first whose SYN is not answered is the last.
pub(super) fn clients(exam: &Exam, addr: SocketAddr, count: u32) -> Verdict {
    let mut came = 0;
    while came < count {
        let Some(client) = exam.connects(addr)? else {
            break;
        };
        let client = or_skip("connect to the live server", client)?;
        let reset = SockRef::from(&client).set_linger(Some(Duration::ZERO));
        or_skip("set SO_LINGER", reset)?;
        came += 1;
    }
    exam.step(format!(
        "{came} clients connected to {addr}, and were reset: they stay in an accept queue"
    ));
    if came < count {
        exam.step("one more SYN is not answered: a queue is full");
    }
    exam.comes_true(|| {
        let (yours, live) = queued(&exam.evidence(), addr);
        Ok(yours + live >= came)
    })?;
    Ok(())
}

/// The connections that wait for accept: with the student's listeners at the address's port, and
/// with the exam's at the address. Another process may use the port too, at another address.
pub(super) fn queued(evidence: &Evidence, addr: SocketAddr) -> (u32, u32) {
    let (mut yours, mut live) = (0, 0);
    for seen in &evidence.sockets {
        match seen.owner {
            _ if seen.row.state != State::Listen || seen.row.local.port() != addr.port() => {}
            Owner::Yours(_) => yours += seen.row.recv_q,
            Owner::Peers if seen.row.local == addr => live += seen.row.recv_q,
            _ => {}
        }
    }
    (yours, live)
}
