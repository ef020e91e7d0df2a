//! The socket table by netlink (sock_diag(7)). An answer has what /proc does not: a listener's
//! backlog, what was dropped at a socket, and the window of its peer.
//!
//! There are two ways to ask. A **dump** shows every socket that matches: `request` says how it is
//! asked for, and `filter` how the kernel is told which ports matter, so that the sockets of other
//! programs cost little. A **look-up** finds one socket by its addresses and costs the same however
//! many there are.
//!
//! The messages are written and read by hand, because this is the workshop's own subject and needs
//! no unsafe code: socket2 opens the socket, and the rest is integers at fixed offsets.

mod answer;
mod filter;
mod pieces;
mod request;

use std::{
    io::{self, Read},
    time::Duration,
};

use nix::libc::{EINVAL, ENOENT};
use socket2::{Domain, Socket, Type};

use self::{
    answer::{malformed, refusal},
    pieces::{u16_at, u32_at},
    request::{
        AF_INET, AF_INET6, ALL_STATES, Dump, LISTENERS, NO_STATES, SOCK_DIAG_BY_FAMILY,
        TCPDIAG_GETSOCK,
    },
};
use super::{End, Protocol, Row};

const AF_NETLINK: i32 = 16;
const NETLINK_SOCK_DIAG: i32 = 4;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// The kernel fills at most 32 KiB for one read of a dump (netlink(7)); twice that is never short.
const ROOM: usize = 64 << 10;

/// An open netlink socket of the protocol NETLINK_SOCK_DIAG.
#[derive(Debug)]
pub struct SockDiag {
    socket: Socket,
    buffer: Box<[u8]>,
    /// The number of the last request. Answers carry it: those to one that failed half-way are
    /// skipped.
    sequence: u32,
    /// The kernel takes the older form of a request, for both families at once.
    both_families: bool,
    /// The kernel takes our filters.
    filters: bool,
}

impl SockDiag {
    /// Opens the socket, and asks for nothing, to see that the kernel answers.
    pub(super) fn open() -> io::Result<SockDiag> {
        if !cfg!(target_os = "linux") {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "sock_diag is Linux's",
            ));
        }
        let protocol = Some(socket2::Protocol::from(NETLINK_SOCK_DIAG));
        let socket = Socket::new(Domain::from(AF_NETLINK), Type::DGRAM, protocol)?;
        // The kernel answers at once or not at all; a sandbox that swallows netlink must not hang
        // us.
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        let mut netlink = SockDiag {
            socket,
            buffer: vec![0; ROOM].into(),
            sequence: 0,
            both_families: true,
            filters: true,
        };
        netlink.dump(&Dump {
            protocol: Protocol::Tcp,
            states: NO_STATES,
            filter: None,
            with_info: false,
        })?;
        Ok(netlink)
    }

    /// Every socket of a protocol; with TCP_INFO if asked for.
    pub(super) fn rows(&mut self, protocol: Protocol, with_info: bool) -> io::Result<Vec<Row>> {
        self.dump(&Dump {
            protocol,
            states: ALL_STATES,
            filter: None,
            with_info,
        })
    }

    /// The sockets with one of these ports at either end; others too, if the kernel is too old for
    /// the filter, or the ports are too many for one to pay.
    pub(super) fn rows_of(
        &mut self,
        ports: &[u16],
        protocol: Protocol,
        with_info: bool,
    ) -> io::Result<Vec<Row>> {
        self.filtered(
            ports,
            Dump {
                protocol,
                states: ALL_STATES,
                filter: None,
                with_info,
            },
        )
    }

    /// The TCP listeners with one of these ports, and perhaps others, as for [`SockDiag::rows_of`].
    /// The kernel keeps listeners in a table of their own, so connections cost nothing here.
    pub(super) fn listeners_of(&mut self, ports: &[u16]) -> io::Result<Vec<Row>> {
        self.filtered(
            ports,
            Dump {
                protocol: Protocol::Tcp,
                states: LISTENERS,
                filter: None,
                with_info: false,
            },
        )
    }

    /// What a dump shows of these ports, or all that it shows where the kernel does not filter it.
    fn filtered(&mut self, ports: &[u16], wanted: Dump<'_>) -> io::Result<Vec<Row>> {
        let Some(filter) = filter::of_ports(ports).filter(|_| self.filters) else {
            return self.dump(&wanted);
        };
        let filtered = self.dump(&Dump {
            filter: Some(&filter),
            ..wanted
        });
        match filtered {
            // Linux before 4.16 does not know two of the instructions.
            Err(error) if error.raw_os_error() == Some(EINVAL) => {
                self.filters = false;
                self.dump(&wanted)
            }
            result => result,
        }
    }

    /// The socket that a segment from this end's peer would reach. For a connection that is gone
    /// this is its listener: the caller must compare the addresses.
    pub(super) fn look_up(&mut self, end: End, with_info: bool) -> io::Result<Option<Row>> {
        let sequence = self.next_sequence();
        self.socket
            .send(&request::look_up(end, with_info, sequence))?;
        let mut rows = Vec::new();
        loop {
            match self.read_part(end.protocol, &mut rows) {
                Err(error) if error.raw_os_error() == Some(ENOENT) => return Ok(None),
                Err(error) => return Err(error),
                // One message, without the end that a dump has.
                Ok(_) if rows.is_empty() => {}
                Ok(_) => return Ok(rows.pop()),
            }
        }
    }

    /// What a dump shows, of both families.
    fn dump(&mut self, wanted: &Dump<'_>) -> io::Result<Vec<Row>> {
        let mut rows = Vec::new();
        if wanted.protocol == Protocol::Tcp && self.both_families {
            let sequence = self.next_sequence();
            let asked = wanted.of_both_families(sequence);
            match self.ask(&asked, wanted.protocol, &mut rows) {
                Ok(()) => return Ok(rows),
                Err(error) if error.raw_os_error().is_none() => return Err(error),
                Err(_) => self.both_families = false,
            }
            rows.clear();
        }
        for family in [AF_INET, AF_INET6] {
            let sequence = self.next_sequence();
            self.ask(
                &wanted.of_family(family, sequence),
                wanted.protocol,
                &mut rows,
            )?;
        }
        Ok(rows)
    }

    fn ask(&mut self, request: &[u8], protocol: Protocol, rows: &mut Vec<Row>) -> io::Result<()> {
        self.socket.send(request)?;
        while !self.read_part(protocol, rows)? {}
        Ok(())
    }

    fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Reads one part of an answer; true when it was the last of a dump.
    fn read_part(&mut self, protocol: Protocol, rows: &mut Vec<Row>) -> io::Result<bool> {
        let n = (&self.socket).read(&mut self.buffer)?;
        let mut rest = &self.buffer[..n];
        while let Some(header) = rest.get(..16) {
            let length = u32_at(header, 0) as usize;
            let body = rest
                .get(16..length)
                .ok_or_else(|| malformed("a message longer than its datagram"))?;
            match u16_at(header, 4) {
                _ if u32_at(header, 8) != self.sequence => {}
                NLMSG_DONE => return dump_is_over(body).map(|()| true),
                NLMSG_ERROR => return Err(refusal(body)),
                SOCK_DIAG_BY_FAMILY | TCPDIAG_GETSOCK => rows.extend(answer::row(body, protocol)?),
                _ => {}
            }
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(false)
    }
}

/// The end of a dump carries a negative errno if it failed: ENOENT where the protocol's module is
/// missing.
fn dump_is_over(body: &[u8]) -> io::Result<()> {
    match body.get(..4) {
        Some(errno) if u32_at(errno, 0) != 0 => Err(refusal(body)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
