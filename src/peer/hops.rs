//! Segments lost on purpose, without privileges. A socket can demand a
//! minimum TTL of what it receives (RFC 5082 uses that against packets
//! from far away), and a sender can choose the TTL of what it sends.

use std::{io, os::fd::AsFd};

use socket2::SockRef;

/// Makes the kernel drop every TCP segment that arrives for this socket with
/// a TTL (IPv6: hop limit) below this, and count it (`Row::drops`). The
/// sender gets no answer, as if a cable had been pulled. Accepted connections
/// inherit the setting from their listener. 0 lets everything in again.
///
/// The kernel sends segments with a TTL of 64, unless [`set_ttl`] or `net.ipv4.ip_default_ttl` say
/// otherwise: 255 drops them all. It is IP_MINTTL, and IPV6_MINHOPCOUNT for IPv6 (`linux/in.h` and
/// `linux/in6.h`: the man pages do not have them). FreeBSD and OpenBSD have it too, but this
/// function uses it on Linux only: elsewhere nothing is dropped.
///
/// # Errors
/// As for setsockopt.
pub fn set_min_ttl(socket: &impl AsFd, ttl: u8) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::socket::setsockopt;
        let ttl = usize::from(ttl);
        match is_ipv6(socket)? {
            true => setsockopt(socket, linux::MinHopCount, &ttl)?,
            false => setsockopt(socket, linux::MinTtl, &ttl)?,
        }
        Ok(())
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (socket, ttl);
        Ok(())
    }
}

/// Sets the TTL (IPv6: hop limit) of what this socket sends. With 255 it
/// passes every [`set_min_ttl`].
///
/// # Errors
/// As for setsockopt.
pub fn set_ttl(socket: &impl AsFd, ttl: u8) -> io::Result<()> {
    let (ipv6, socket) = (is_ipv6(socket)?, SockRef::from(socket));
    match ipv6 {
        true => socket.set_unicast_hops_v6(ttl.into()),
        false => socket.set_ttl_v4(ttl.into()),
    }
}

fn is_ipv6(socket: &impl AsFd) -> io::Result<bool> {
    let local = SockRef::from(socket).local_addr()?;
    Ok(local.as_socket().is_some_and(|addr| addr.is_ipv6()))
}

#[cfg(target_os = "linux")]
mod linux {
    use nix::{libc, setsockopt_impl, sockopt_impl};

    sockopt_impl!(MinTtl, SetOnly, libc::IPPROTO_IP, libc::IP_MINTTL, usize);
    sockopt_impl!(
        MinHopCount,
        SetOnly,
        libc::IPPROTO_IPV6,
        libc::IPV6_MINHOPCOUNT,
        usize
    );
}
