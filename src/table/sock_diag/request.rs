//! What is asked: a netlink header, then which sockets and which figures of them.
//!
//! ```text
//! struct nlmsghdr           16 bytes  length, type, flags, sequence number, port (netlink(7))
//! struct inet_diag_req_v2   56 bytes  family, protocol, attributes wanted, states wanted, then
//!   struct inet_diag_sockid             two ports, two addresses, interface, cookie
//! struct rtattr             4 bytes   length, type: of the filter after it, if there is one
//! ```
//!
//! With NLM_F_DUMP among the flags, the kernel walks over all its sockets and sends those that
//! match. Without, it looks up the one socket that a segment with these addresses would reach: in a
//! hash table, as for each segment that arrives, so other sockets cost nothing.
//!
//! A dump of SOCK_DIAG_BY_FAMILY takes one family, and so a walk for IPv4 and another for IPv6. The
//! older form of the request, TCPDIAG_GETSOCK with `struct inet_diag_req`, takes both in one walk.
//!
//! Sources: sock_diag(7); `include/uapi/linux/inet_diag.h` and `net/ipv4/inet_diag.c` in the
//! kernel's tree.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{
    super::{End, Protocol, State, canonical},
    pieces::Bytes,
};

pub(super) const AF_INET: u8 = 2;
pub(super) const AF_INET6: u8 = 10;
pub(super) const SOCK_DIAG_BY_FAMILY: u16 = 20;
pub(super) const TCPDIAG_GETSOCK: u16 = 18;
const NLM_F_REQUEST: u16 = 0x001;
const NLM_F_DUMP: u16 = 0x300;
const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;
/// The attribute of a request that holds a filter.
const INET_DIAG_REQ_BYTECODE: u16 = 1;
/// The attribute that holds `struct tcp_info` (tcp(7), TCP_INFO; `include/uapi/linux/tcp.h`).
pub(super) const INET_DIAG_INFO: u8 = 2;
/// The attribute that holds the socket's memory figures, the drop count the ninth of them.
pub(super) const INET_DIAG_SKMEMINFO: u8 = 7;
/// The kernel makes loopback the first interface of every network.
const LOOPBACK: u32 = 1;
/// Any socket with these addresses (INET_DIAG_NOCOOKIE, twice).
const NO_COOKIE: [u8; 8] = [0xff; 8];

/// States 1 to 11. Higher bits ask for sockets that netstat does not show.
pub(super) const ALL_STATES: u32 = 0b1111_1111_1110;
/// Listeners alone: the kernel does not walk over its connections.
pub(super) const LISTENERS: u32 = 1 << State::Listen as u32;
/// Answered at once: the kernel has nothing to walk over.
pub(super) const NO_STATES: u32 = 0;

/// Which sockets a dump shall show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dump<'a> {
    pub(super) protocol: Protocol,
    pub(super) states: u32,
    pub(super) filter: Option<&'a [u8]>,
    pub(super) with_info: bool,
}

impl Dump<'_> {
    /// For the sockets of one family.
    pub(super) fn of_family(&self, family: u8, sequence: u32) -> Vec<u8> {
        let mut body = by_family(family, self.protocol, self.with_info, self.states);
        body.extend([0; 48]); // any ports and addresses
        body.extend(self.filter.map(attribute).unwrap_or_default());
        message(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, sequence, &body)
    }

    /// For TCP's sockets of both families.
    pub(super) fn of_both_families(&self, sequence: u32) -> Vec<u8> {
        let mut body = vec![0, 0, 0, wanted(self.with_info)];
        body.extend([0; 48]);
        body.put_u32(self.states);
        body.put_u32(0);
        body.extend(self.filter.map(attribute).unwrap_or_default());
        message(TCPDIAG_GETSOCK, NLM_F_DUMP, sequence, &body)
    }
}

/// For the one socket that is this end.
pub(super) fn look_up(end: End, with_info: bool, sequence: u32) -> Vec<u8> {
    let local = mapped_to_ipv4(end.local);
    let any = match local {
        SocketAddr::V4(_) => SocketAddr::from(([0; 4], 0)),
        SocketAddr::V6(_) => SocketAddr::from(([0; 16], 0)),
    };
    let peer = end.peer.map_or(any, mapped_to_ipv4);
    let family = match (local, peer) {
        (SocketAddr::V4(_), SocketAddr::V4(_)) => AF_INET,
        _ => AF_INET6,
    };
    let mut body = by_family(family, end.protocol, with_info, ALL_STATES);
    // UDP takes the two ends the other way round, "for historical reasons" (net/ipv4/udp_diag.c).
    let [first, second] = match end.protocol {
        Protocol::Tcp => [local, peer],
        Protocol::Udp => [peer, local],
    };
    body.extend(first.port().to_be_bytes());
    body.extend(second.port().to_be_bytes());
    body.extend(address(first.ip(), family));
    body.extend(address(second.ip(), family));
    body.put_u32(interface(end));
    body.extend(NO_COOKIE);
    message(SOCK_DIAG_BY_FAMILY, 0, sequence, &body)
}

/// The head of a `struct inet_diag_req_v2`. A `struct inet_diag_sockid` comes next.
fn by_family(family: u8, protocol: Protocol, with_info: bool, states: u32) -> Vec<u8> {
    let protocol = match protocol {
        Protocol::Tcp => IPPROTO_TCP,
        Protocol::Udp => IPPROTO_UDP,
    };
    let mut body = vec![family, protocol, wanted(with_info), 0];
    body.put_u32(states);
    body
}

/// The attributes that the answers shall have, one bit each.
fn wanted(with_info: bool) -> u8 {
    u8::from(with_info) << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_SKMEMINFO - 1)
}

/// A filter as the attribute of a request.
fn attribute(filter: &[u8]) -> Vec<u8> {
    let length = 4 + filter.len() as u16; // `filter::of_ports` never writes more than 1.5 KiB
    let mut bytes = Vec::new();
    bytes.put_u16(length);
    bytes.put_u16(INET_DIAG_REQ_BYTECODE);
    bytes.extend(filter);
    bytes
}

fn message(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.put_u32(16 + body.len() as u32);
    bytes.put_u16(kind);
    bytes.put_u16(NLM_F_REQUEST | flags);
    bytes.put_u32(sequence);
    bytes.put_u32(0);
    bytes.extend(body);
    bytes
}

/// IPv4 on a dual-stack socket is looked up as IPv4: that finds sockets of both families.
fn mapped_to_ipv4(addr: SocketAddr) -> SocketAddr {
    canonical(addr).into()
}

fn address(ip: IpAddr, family: u8) -> [u8; 16] {
    let mut octets = [0; 16];
    match ip {
        IpAddr::V4(ip) if family == AF_INET => octets[..4].copy_from_slice(&ip.octets()),
        IpAddr::V4(ip) if ip == Ipv4Addr::UNSPECIFIED => {}
        IpAddr::V4(ip) => octets = ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => octets = ip.octets(),
    }
    octets
}

/// The interface on which the segment would arrive: a link-local address names it. For any other it
/// is loopback, so that a socket which is bound to loopback (SO_BINDTODEVICE) is found like one
/// that is not bound to any.
fn interface(end: End) -> u32 {
    let scope = |addr| match addr {
        SocketAddr::V6(addr) => Some(addr.scope_id()).filter(|scope| *scope != 0),
        SocketAddr::V4(_) => None,
    };
    scope(end.local)
        .or(end.peer.and_then(scope))
        .unwrap_or(LOOPBACK)
}
