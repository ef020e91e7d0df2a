//! Addresses of loopback: one answers, one refuses, one is silent. No segment leaves the machine: a
//! network might answer for an address that no host has.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    rc::Rc,
    time::Duration,
};

use socket_workshop::{
    peer::{set_min_ttl, silent},
    table::End,
};
use socket2::{Domain, SockRef, Socket, Type};

use crate::exam::{Exam, Verdict, or_skip};

/// An address, and the socket that makes it answer, refuse or be silent, until this is dropped.
#[derive(Debug)]
pub(in crate::checks) struct Address {
    pub(in crate::checks) addr: SocketAddr,
    socket: Rc<Socket>,
}

impl Address {
    /// It answers: a listener whose connections stay in the accept queue.
    pub(in crate::checks) fn that_answers(exam: &Exam) -> Verdict<Address> {
        Address::that_answers_at(exam, Ipv4Addr::LOCALHOST.into())
    }

    pub(in crate::checks) fn that_answers_at(exam: &Exam, ip: IpAddr) -> Verdict<Address> {
        let socket = bound(ip)?;
        or_skip("listen", socket.listen(16))?;
        Address::new(exam, socket, "answers: it listens")
    }

    /// It refuses: the socket is bound, so that no other can listen there, and does not listen.
    pub(in crate::checks) fn that_refuses(exam: &Exam) -> Verdict<Address> {
        Address::that_refuses_at(exam, Ipv4Addr::LOCALHOST.into())
    }

    pub(in crate::checks) fn that_refuses_at(exam: &Exam, ip: IpAddr) -> Verdict<Address> {
        Address::new(exam, bound(ip)?, "refuses: no socket listens there")
    }

    /// It is silent: its accept queue is full, and the kernel drops the SYN.
    pub(in crate::checks) fn that_is_silent(exam: &Exam) -> Verdict<Address> {
        let (listener, queued) = or_skip("fill an accept queue", silent())?;
        // A connection that was reset keeps its place in the queue.
        let aborts = SockRef::from(&queued).set_linger(Some(Duration::ZERO));
        or_skip("reset a connection", aborts)?;
        drop(queued);
        Address::new(exam, listener.into(), "is silent: its accept queue is full")
    }

    fn new(exam: &Exam, socket: Socket, does: &str) -> Verdict<Address> {
        let addr = or_skip("read an address", End::of(&socket))?.local;
        exam.owns(&socket);
        exam.watches(&socket);
        exam.step(format!("{addr} {does}"));
        let socket = Rc::new(socket);
        Ok(Address { addr, socket })
    }

    /// Addresses that refuse.
    pub(super) fn many_that_refuse(exam: &Exam, count: u8) -> Verdict<Vec<Address>> {
        let socket = bound_to_all()?;
        Address::many(exam, socket, count, "refuse: no socket listens there")
    }

    /// Addresses that are silent.
    pub(in crate::checks) fn many_that_are_silent(exam: &Exam, count: u8) -> Verdict<Vec<Address>> {
        let socket = bound_to_all()?;
        // A SYN comes with a TTL of 64, and is dropped. A filter would take privileges.
        or_skip("set IP_MINTTL", set_min_ttl(&socket, 255))?;
        or_skip("listen", socket.listen(1))?;
        Address::many(exam, socket, count, "are silent: IP_MINTTL drops each SYN")
    }

    /// From 127.0.0.1 on, at one port: a socket that is bound to 0.0.0.0 is bound to them all.
    fn many(exam: &Exam, socket: Socket, count: u8, do_so: &str) -> Verdict<Vec<Address>> {
        let port = or_skip("read an address", End::of(&socket))?.local.port();
        exam.owns(&socket);
        exam.watches(&socket);
        exam.step(format!(
            "127.0.0.1:{port} to 127.0.0.{count}:{port} {do_so}"
        ));
        let socket = Rc::new(socket);
        let address = |n| Address {
            addr: (Ipv4Addr::new(127, 0, 0, n), port).into(),
            socket: Rc::clone(&socket),
        };
        Ok((1..=count).map(address).collect())
    }

    /// How many connections have been made to it: they are all in its accept queue.
    pub(in crate::checks) fn connections(&self, exam: &Exam) -> Verdict<u32> {
        let table = exam.table()?;
        let listener = table.find(End::listener(self.addr));
        Ok(listener.map_or(0, |row| row.recv_q))
    }

    /// Makes it listen: if it is dialed again after a refusal, its accept queue shows that.
    pub(super) fn listens_from_now(&self, exam: &Exam) -> Verdict {
        or_skip("listen", self.socket.listen(16))?;
        exam.step(format!(
            "{} has refused, and listens from now on",
            self.addr
        ));
        Ok(())
    }

    /// Makes room in the accept queue: the next SYN will be answered.
    pub(in crate::checks) fn answers_from_now(&self, exam: &Exam) -> Verdict {
        or_skip("accept", self.socket.accept())?;
        exam.step(format!(
            "made room in the accept queue of {}: it answers the next SYN",
            self.addr
        ));
        Ok(())
    }
}

fn bound(ip: IpAddr) -> Verdict<Socket> {
    let addr = SocketAddr::new(ip, 0);
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None);
    let socket = or_skip("make a socket", socket)?;
    or_skip(&format!("bind to {ip}"), socket.bind(&addr.into()))?;
    Ok(socket)
}

/// Bound to every address there is, of the loopback interface only.
fn bound_to_all() -> Verdict<Socket> {
    let socket = bound(Ipv4Addr::UNSPECIFIED.into())?;
    #[cfg(target_os = "linux")]
    or_skip("bind to a device", socket.bind_device(Some(b"lo")))?;
    Ok(socket)
}
