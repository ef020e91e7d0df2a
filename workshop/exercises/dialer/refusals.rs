//! How often an address that refuses was dialed. Such an attempt is over in the call that makes it,
//! so no look at the table finds its socket. But the kernel reports each TCP socket that it frees
//! to every program that asks for it (SKNLGRP_INET_TCP_DESTROY of sock_diag(7)).

use std::{
    collections::HashSet,
    io::{self, ErrorKind, Read},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::fd::AsRawFd,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::socket::{NetlinkAddr, bind},
    unistd::Pid,
};
use socket_workshop::table::End;
use socket2::{Domain, Socket, Type};

use super::{Dial, address::Address, cause, dialing, is_connected_to, no_connection, unless_busy};

use crate::checks::rest::rests_from;
use crate::exam::{AMPLE, Because, CheckError, Exam, Verdict, or_skip};

const AF_NETLINK: i32 = 16;
const NETLINK_SOCK_DIAG: i32 = 4;
/// The group of SKNLGRP_INET_TCP_DESTROY, as a bit.
const DESTROYED: u32 = 1;
/// Where a message has the ports and the remote address, in bytes: it is an `nlmsghdr` (16 bytes),
/// then an `inet_diag_msg`.
const LOCAL_PORT: usize = 16 + 4;
const REMOTE_PORT: usize = LOCAL_PORT + 2;
const REMOTE_ADDRESS: usize = REMOTE_PORT + 2 + 16;

/// How long a report is waited for. The kernel sends it soon, from a work queue.
const SOON: Duration = Duration::from_secs(5);

/// Twice, in case another program has dialed the same address.
pub(super) fn dials_a_refused_address_once(exam: &Exam, dial: Dial) -> Verdict {
    let mut dialed = 0;
    for _ in 0..2 {
        let refuses = Address::that_refuses(exam)?;
        let reports = Reports::begin()?;
        let answer = dialing(exam, dial, &[&refuses], AMPLE)?;
        let returned = answer.returns("when the only address has refused")?;
        no_connection(exam, returned, "when the only address refuses")?;
        dialed = reports.sockets_that_dialed(exam, refuses.addr)?;
        if dialed <= 1 {
            return Ok(());
        }
    }
    exam.fail(
        "an address that refuses to be dialed once",
        format!("{dialed} sockets were made that dialed it"),
    )
    .caused_by(
        "The address has refused, and your code dialed it again. A refusal is an answer (RST): no \
         socket listens there. Return the error, and let the caller decide whether to try again.",
    )
}

/// How many addresses refuse after a silent one.
const REFUSE: u8 = 10;

/// How long a call may rest after the first refusal, until it has dialed those that follow it.
const REST: Duration = Duration::from_millis(500);

/// However attempts overlap, a refusal ends the wait for this address: the next has its turn. The
/// silent address takes a share of the limit before the first of them is dialed.
pub(super) fn dials_the_next_while_another_is_silent(exam: &Exam, dial: Dial) -> Verdict {
    let silent = Address::that_is_silent(exam)?;
    let refuse = Address::many_that_refuse(exam, REFUSE)?;
    let server = Address::that_answers(exam)?;
    let first = refuse[0].addr;
    let addresses: Vec<&Address> = [&silent]
        .into_iter()
        .chain(&refuse)
        .chain([&server])
        .collect();
    let limit = Duration::from_secs(2);
    let mut reports = Reports::begin()?;
    let reference = exam.reference(limit)?;
    let answer = dialing(exam, dial, &addresses, limit)?;
    let rested = rests_from(exam, &answer, || Ok(reports.next(first)?.is_some()))?;
    let expected = format!("each of {REFUSE} addresses that refuse to be followed immediately");
    exam.must(
        rested.time < REST,
        expected,
        format!(
            "after the first had refused, all your threads were blocked for {:.1?}",
            rested.time
        ),
    )
    .caused_by(cause::WAITS_FOR_THE_SILENT)?;
    let connected = answer
        .succeeds("with a connection to the last address")
        .because(|case| cause::starved(case, answer.took().time, limit, &server));
    let stream = unless_busy(connected, reference, answer.took(), limit)?;
    is_connected_to(exam, &stream, &server)
}

/// The kernel's reports of sockets that it has freed.
struct Reports(Socket);

impl Reports {
    fn begin() -> Verdict<Reports> {
        let protocol = Some(socket2::Protocol::from(NETLINK_SOCK_DIAG));
        let socket = Socket::new(Domain::from(AF_NETLINK), Type::DGRAM, protocol);
        let socket = or_skip("open a netlink socket", socket)?;
        let is_bound = bind(socket.as_raw_fd(), &NetlinkAddr::new(0, DESTROYED));
        let is_bound = is_bound.map_err(Into::into);
        or_skip("ask for reports of freed sockets", is_bound)?;
        or_skip("make a socket non-blocking", socket.set_nonblocking(true))?;
        Ok(Reports(socket))
    }

    /// How many sockets have dialed this address since the beginning. Each CPU has a work queue of
    /// its own, and reports what was freed there. So the exam dials the address too, once on each
    /// CPU: a queue that has reported the exam's socket has reported those before it.
    fn sockets_that_dialed(mut self, exam: &Exam, addr: SocketAddr) -> Verdict<usize> {
        let mut own = or_skip("dial once on each CPU", dials_on_each_cpu(addr))?;
        let (begun, mut dialed) = (Instant::now(), 0);
        let all = exam.until(|| {
            while let Some(from) = self.next(addr)? {
                if !own.remove(&from) {
                    dialed += 1;
                }
                if own.is_empty() {
                    return Ok(Some(true));
                }
            }
            Ok((begun.elapsed() > SOON).then_some(false))
        })?;
        match all {
            Some(true) => Ok(dialed),
            _ => Err(CheckError::skipped(
                "the kernel does not report sockets that it frees",
            )),
        }
    }

    /// From which port the next of the freed sockets had dialed this address.
    fn next(&mut self, addr: SocketAddr) -> Verdict<Option<u16>> {
        let mut message = [0; 8 << 10];
        loop {
            match self.0.read(&mut message) {
                Ok(_) => {
                    if let (to, Some(from)) = (remote(&message), port(&message, LOCAL_PORT))
                        && to == Some(addr)
                    {
                        return Ok(Some(from));
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => {
                    return Err(CheckError::skipped(
                        "the machine is too busy: too many other sockets were freed meanwhile",
                    ));
                }
                Err(error) => return or_skip("read the kernel's reports", Err(error)),
            }
        }
    }
}

/// Dials an address that refuses, and closes the socket, on each CPU that this thread may use.
/// Returns the ports from which it has dialed.
fn dials_on_each_cpu(addr: SocketAddr) -> io::Result<HashSet<u16>> {
    let this_thread = Pid::from_raw(0);
    let allowed = sched_getaffinity(this_thread)?;
    let ports = (0..CpuSet::count())
        .filter(|cpu| allowed.is_set(*cpu) == Ok(true))
        .map(|cpu| {
            let mut one = CpuSet::new();
            one.set(cpu)?;
            sched_setaffinity(this_thread, &one)?;
            dials(addr)
        })
        .collect();
    sched_setaffinity(this_thread, &allowed)?;
    ports
}

/// Dials it once, and returns the port from which it has dialed.
fn dials(addr: SocketAddr) -> io::Result<u16> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let _ = socket.connect(&addr.into()); // it is refused
    Ok(End::of(&socket)?.local.port())
}

fn port(message: &[u8], at: usize) -> Option<u16> {
    let port = message.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*port))
}

/// The address that the socket of this message had dialed. All that refuse here are IPv4.
fn remote(message: &[u8]) -> Option<SocketAddr> {
    let ip = *message.get(REMOTE_ADDRESS..)?.first_chunk::<4>()?;
    let ip = IpAddr::V4(Ipv4Addr::from(ip));
    Some(SocketAddr::new(ip, port(message, REMOTE_PORT)?))
}
