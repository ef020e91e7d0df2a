//! The socket table by netlink (sock_diag(7)): one request for each address family, and in each
//! answer what /proc does not have: a listener's backlog, what was dropped at a socket, and the window
//! of its peer.
//!
//! The messages are written and read by hand, 72 bytes out and as many in, because this is the
//! workshop's own subject and needs no unsafe code: socket2 opens the socket, and the rest is
//! native-endian integers at fixed offsets (Linux, `include/uapi/linux/inet_diag.h`).

use std::{
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use socket2::{Domain, Socket, Type};

use super::{Protocol, Row, State, Timer, TimerKind};

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const AF_NETLINK: i32 = 16;
const NETLINK_SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// NLM_F_REQUEST | NLM_F_DUMP: every socket that matches, not one.
const REQUEST_DUMP: u16 = 0x001 | 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;
/// The attribute that holds `struct tcp_info` (tcp(7), TCP_INFO; `include/uapi/linux/tcp.h`).
const INET_DIAG_INFO: u8 = 2;
const TCPI_NOTSENT_BYTES: usize = 144;
const TCPI_DATA_SEGS_IN: usize = 152;
const TCPI_SND_WND: usize = 228;
/// The attribute that holds the socket's memory figures, the drop count the ninth of them.
const INET_DIAG_SKMEMINFO: u8 = 7;
const SK_MEMINFO_DROPS: usize = 8;

/// States 1 to 11. Higher bits ask for sockets that netstat does not show.
const ALL_STATES: u32 = 0b1111_1111_1110;
/// The kernel fills at most 32 KiB for one read of a dump (netlink(7)); twice that is never short.
const ROOM: usize = 64 << 10;

/// An open netlink socket of the protocol NETLINK_SOCK_DIAG.
#[derive(Debug)]
pub struct SockDiag {
    socket: Socket,
    buffer: Box<[u8]>,
    /// The number of the last request. Answers carry it: those to one that failed half-way are skipped.
    sequence: u32,
}

impl SockDiag {
    pub(super) fn open() -> io::Result<SockDiag> {
        if !cfg!(target_os = "linux") {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "sock_diag is Linux's",
            ));
        }
        let protocol = Some(socket2::Protocol::from(NETLINK_SOCK_DIAG));
        let socket = Socket::new(Domain::from(AF_NETLINK), Type::DGRAM, protocol)?;
        // The kernel answers at once or not at all; a sandbox that swallows netlink must not hang us.
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        Ok(SockDiag {
            socket,
            buffer: vec![0; ROOM].into(),
            sequence: 0,
        })
    }

    /// Every socket of a protocol; with TCP_INFO if asked for.
    pub(super) fn rows(&mut self, protocol: Protocol, with_info: bool) -> io::Result<Vec<Row>> {
        let mut rows = Vec::new();
        for family in [AF_INET, AF_INET6] {
            self.sequence = self.sequence.wrapping_add(1);
            self.socket
                .send(&request(family, protocol, self.sequence, with_info))?;
            while !self.read_part(protocol, &mut rows)? {}
        }
        Ok(rows)
    }

    /// Reads one part of a dump; true when it was the last.
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
                NLMSG_DONE => return Ok(true),
                NLMSG_ERROR => return Err(refusal(body)),
                SOCK_DIAG_BY_FAMILY => rows.extend(row(body, protocol)?),
                _ => {}
            }
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(false)
    }
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2`, asking for every socket of a family and a
/// protocol.
fn request(family: u8, protocol: Protocol, sequence: u32, with_info: bool) -> [u8; 72] {
    let mut bytes = [0; 72];
    bytes[0..4].copy_from_slice(&72u32.to_ne_bytes());
    bytes[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&REQUEST_DUMP.to_ne_bytes());
    bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
    bytes[16] = family;
    bytes[17] = match protocol {
        Protocol::Tcp => IPPROTO_TCP,
        Protocol::Udp => IPPROTO_UDP,
    };
    bytes[18] = u8::from(with_info) << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_SKMEMINFO - 1);
    bytes[20..24].copy_from_slice(&ALL_STATES.to_ne_bytes());
    bytes
}

/// One `struct inet_diag_msg` and its attributes; `None` for a state that has no name.
fn row(body: &[u8], protocol: Protocol) -> io::Result<Option<Row>> {
    if body.len() < 72 {
        return Err(malformed("a socket of fewer than 72 bytes"));
    }
    let Some(state) = State::from_kernel(body[1]) else {
        return Ok(None);
    };
    let figure = |of: u8, at: usize| figure(&body[72..], of, at);
    let listening = state == State::Listen;
    let wqueue = u32_at(body, 60);
    Ok(Some(Row {
        protocol,
        state,
        local: SocketAddr::new(
            ip(body[0], &body[8..24]),
            u16::from_be_bytes([body[4], body[5]]),
        ),
        peer: SocketAddr::new(
            ip(body[0], &body[24..40]),
            u16::from_be_bytes([body[6], body[7]]),
        ),
        recv_q: u32_at(body, 56),
        // For a listener the kernel puts its backlog here, where ss shows it; netstat shows 0.
        send_q: if listening { 0 } else { wqueue },
        backlog: listening.then_some(wqueue),
        drops: figure(INET_DIAG_SKMEMINFO, SK_MEMINFO_DROPS * 4),
        window: figure(INET_DIAG_INFO, TCPI_SND_WND).filter(|_| !listening),
        segments_in: figure(INET_DIAG_INFO, TCPI_DATA_SEGS_IN).filter(|_| !listening),
        unsent: figure(INET_DIAG_INFO, TCPI_NOTSENT_BYTES).filter(|_| !listening),
        timer: timer_kind(body[2]).map(|kind| Timer {
            kind,
            remaining: Duration::from_millis(u32_at(body, 52).into()),
            attempts: body[3].into(),
        }),
        inode: u32_at(body, 68),
    }))
}

fn timer_kind(number: u8) -> Option<TimerKind> {
    match number {
        1 => Some(TimerKind::Retransmit),
        2 => Some(TimerKind::Keepalive),
        3 => Some(TimerKind::TimeWait),
        4 => Some(TimerKind::WindowProbe),
        _ => None,
    }
}

fn ip(family: u8, bytes: &[u8]) -> IpAddr {
    let mut octets = [0; 16];
    octets.copy_from_slice(bytes);
    if family == AF_INET {
        Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]).into()
    } else {
        Ipv6Addr::from(octets).into()
    }
}

/// The number at this offset of an attribute, if the kernel has sent as much.
fn figure(attributes: &[u8], wanted: u8, at: usize) -> Option<u32> {
    let figures = attribute(attributes, wanted.into())?;
    Some(u32_at(figures.get(at..at + 4)?, 0))
}

/// The payload of the attribute (`struct rtattr`: length, type, payload) of this type.
fn attribute(mut bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(u16_at(bytes.get(..4)?, 0));
        let payload = bytes.get(4..length)?;
        if u16_at(bytes, 2) == wanted {
            return Some(payload);
        }
        bytes = bytes.get(length.next_multiple_of(4)..)?;
    }
}

/// The error in an NLMSG_ERROR: a negative errno.
fn refusal(body: &[u8]) -> io::Error {
    match body.get(..4) {
        Some(code) => io::Error::from_raw_os_error((u32_at(code, 0) as i32).wrapping_neg()),
        None => malformed("an error without a code"),
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("netlink answered with {what}"),
    )
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
