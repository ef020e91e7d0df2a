//! The hop that distinguishes what a router has handed on from what has just been sent.

use std::{io, os::fd::AsFd};

use etherparse::{Ipv4HeaderSlice, TcpHeaderSlice};
use socket2::SockRef;

/// What sockets send lives for this many hops (`net.ipv4.ip_default_ttl`): set on them, to be sure.
pub(super) const SENT: u8 = 64;
/// What the router has handed on.
const ROUTED: u8 = SENT - 1;
/// Where it stands in an IPv4 header.
pub(super) const TTL: usize = 8;

/// Lets a socket, and what it will accept, receive only what a [`Router`](super::Router) hands on.
///
/// # Errors
/// As for setsockopt. Elsewhere than on Linux it cannot be done.
#[cfg(target_os = "linux")]
pub fn behind_router(socket: &impl AsFd) -> io::Result<()> {
    use nix::libc::{BPF_ABS, BPF_B, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, SKF_NET_OFF};
    use socket2::SockFilter;
    let step = |code: u32, then, otherwise, k| SockFilter::new(code as u16, then, otherwise, k);
    let ttl = (SKF_NET_OFF as u32).wrapping_add(TTL as u32); // counted from the IP header
    let socket = SockRef::from(socket);
    socket.set_ttl_v4(SENT.into())?;
    socket.attach_filter(&[
        step(BPF_LD | BPF_B | BPF_ABS, 0, 0, ttl),
        step(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, ROUTED.into()), // equal: go on; else skip one
        step(BPF_RET | BPF_K, 0, 0, u32::MAX),                // let the whole segment in
        step(BPF_RET | BPF_K, 0, 0, 0),                       // let nothing in
    ])
}

/// Cannot be done: the filter is Linux's.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn behind_router(socket: &impl AsFd) -> io::Result<()> {
    let _ = SockRef::from(socket);
    Err(io::ErrorKind::Unsupported.into())
}

/// Makes of an IPv4 packet with a TCP segment what a router hands on.
pub(super) fn one_hop_older(packet: &mut [u8]) -> io::Result<()> {
    let broken = || io::Error::other("a segment has an invalid header");
    packet[TTL] = ROUTED;
    let ip = Ipv4HeaderSlice::from_slice(packet).map_err(|_| broken())?;
    let (start, source, destination) = (ip.slice().len(), ip.source(), ip.destination());
    let tcp = TcpHeaderSlice::from_slice(&packet[start..]).map_err(|_| broken())?;
    let data = &packet[start + tcp.slice().len()..];
    // Loopback leaves checksums to a card that it does not have: now they are needed.
    let sum = tcp.calc_checksum_ipv4_raw(source, destination, data);
    let sum = sum.map_err(|_| broken())?;
    packet[start + 16..start + 18].copy_from_slice(&sum.to_be_bytes());
    Ok(())
}
