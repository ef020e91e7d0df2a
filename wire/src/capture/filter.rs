//! Which frames a capture wants, as a program of the kernel's packet filter: what `tcpdump -d`
//! prints for `tcp port N`, and two things that it adds on loopback.

use nix::libc::{
    BPF_ABS, BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_LDX,
    BPF_MSH, BPF_RET, BPF_W, SKF_AD_IFINDEX, SKF_AD_OFF, SKF_AD_PKTTYPE,
};
use socket2::SockFilter;

/// `sll_pkttype` of a frame on its way out (packet(7)).
const PACKET_OUTGOING: u32 = 4;
const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;
const TCP: u32 = 6;

/// Frames with a TCP segment that come in at this interface, from or to this port if one is given.
/// What follows IPv6 extension headers is not seen.
pub(super) fn tcp(interface: u32, port: Option<u16>) -> Vec<SockFilter> {
    const TAKE: usize = 22;
    const DROP: usize = 23;
    let load = |size: u32, at: u32| (BPF_LD | size | BPF_ABS, at, 0, 0);
    let beside = |what: i32| load(BPF_W, (SKF_AD_OFF + what).cast_unsigned());
    let is = |k: u32, then, otherwise| (BPF_JMP | BPF_JEQ | BPF_K, k, then, otherwise);
    let port = |then, otherwise| match port {
        Some(port) => is(port.into(), then, otherwise),
        None => (BPF_JMP | BPF_JGE | BPF_K, 0, then, otherwise), // any number is at least 0
    };
    let steps = [
        beside(SKF_AD_IFINDEX),
        is(interface, 2, DROP),
        beside(SKF_AD_PKTTYPE), // each frame passes twice: on its way out, and in
        is(PACKET_OUTGOING, DROP, 4),
        load(BPF_H, 12), // what the Ethernet header says comes after it
        is(IPV6, 16, 6),
        is(IPV4, 7, DROP),
        load(BPF_B, 14 + 9), // what the IPv4 header says
        is(TCP, 9, DROP),
        load(BPF_H, 14 + 6),
        (BPF_JMP | BPF_JSET | BPF_K, 0x1fff, DROP, 11), // a fragment, and not the first
        (BPF_LDX | BPF_B | BPF_MSH, 14, 0, 0),          // X: the length of the IPv4 header
        (BPF_LD | BPF_H | BPF_IND, 14, 0, 0),           // the sender's port
        port(TAKE, 14),
        (BPF_LD | BPF_H | BPF_IND, 14 + 2, 0, 0), // the receiver's
        port(TAKE, DROP),
        load(BPF_B, 14 + 6), // what the IPv6 header says
        is(TCP, 18, DROP),
        load(BPF_H, 14 + 40),
        port(TAKE, 20),
        load(BPF_H, 14 + 40 + 2),
        port(TAKE, DROP),
        (BPF_RET | BPF_K, u32::MAX, 0, 0), // TAKE: the whole frame
        (BPF_RET | BPF_K, 0, 0, 0),        // DROP
    ];
    // Targets are counted from the step after the jump.
    let ahead = |to: usize, from: usize| to.saturating_sub(from + 1) as u8;
    let steps = steps.into_iter().enumerate();
    steps
        .map(|(i, (code, k, then, otherwise))| {
            SockFilter::new(code as u16, ahead(then, i), ahead(otherwise, i), k)
        })
        .collect()
}
