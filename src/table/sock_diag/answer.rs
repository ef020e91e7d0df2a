//! What comes back: one message for each socket, `struct inet_diag_msg` and the attributes that
//! were asked for (sock_diag(7); Linux, `include/uapi/linux/inet_diag.h`).

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use super::{
    super::{Protocol, Row, State, Timer, TimerKind},
    pieces::{u16_at, u32_at},
    request::{AF_INET, INET_DIAG_INFO, INET_DIAG_SKMEMINFO},
};

/// Where figures stand in `struct tcp_info`.
const TCPI_TOTAL_RETRANS: usize = 100;
const TCPI_SEGS_IN: usize = 140;
const TCPI_NOTSENT_BYTES: usize = 144;
const TCPI_DATA_SEGS_IN: usize = 152;
const TCPI_SND_WND: usize = 228;
const SK_MEMINFO_DROPS: usize = 8;

/// One `struct inet_diag_msg` and its attributes; `None` for a state that has no name.
pub(super) fn row(body: &[u8], protocol: Protocol) -> io::Result<Option<Row>> {
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
        received: figure(INET_DIAG_INFO, TCPI_SEGS_IN).filter(|_| !listening),
        resent: figure(INET_DIAG_INFO, TCPI_TOTAL_RETRANS).filter(|_| !listening),
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
pub(super) fn refusal(body: &[u8]) -> io::Error {
    match body.get(..4) {
        Some(code) => io::Error::from_raw_os_error((u32_at(code, 0) as i32).wrapping_neg()),
        None => malformed("an error without a code"),
    }
}

pub(super) fn malformed(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("netlink answered with {what}"),
    )
}
