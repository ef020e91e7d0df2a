//! Segments that are lost on purpose, with no privileges: a socket may refuse what has passed too many
//! routers (RFC 5082), and on loopback the sender decides how many it seems to have passed.

use std::{io, os::fd::AsFd};

use socket2::SockRef;

/// From now on the kernel drops every TCP segment that comes for this socket with a TTL (IPv6: a hop
/// limit) below this, before the socket sees it, and counts it (`Row::drops`). Nobody is told, as if a
/// cable had been pulled. A connection inherits this from its listener. 0 lets everything in again.
///
/// The kernel sends segments with a TTL of 64, unless [`set_ttl`] or `net.ipv4.ip_default_ttl` say
/// otherwise: 255 loses them all. (ip(7), IP_MINTTL; for IPv6 IPV6_MINHOPCOUNT.)
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] elsewhere than on Linux.
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
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// What this socket sends from now on has this TTL, or for IPv6 this hop limit. With 255 it reaches a
/// socket that [`set_min_ttl`] has cut off.
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
