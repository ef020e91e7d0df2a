//! Half of what remains for the first, the other half for all behind it, as long as each of these
//! keeps 100 ms or its equal share; recursion instead of a loop.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let equal = limit / addrs.len().max(1) as u32;
    dial_each(addrs, limit, equal.min(Duration::from_millis(100)))
}

fn dial_each(addrs: &[SocketAddr], limit: Duration, least: Duration) -> io::Result<TcpStream> {
    let (addr, behind) = addrs.split_first().ok_or(ErrorKind::InvalidInput)?;
    let kept = least * behind.len() as u32;
    let share = match limit.checked_sub(kept) {
        _ if behind.is_empty() => limit,
        Some(share) => share.min(limit / 2).max(least.min(limit)),
        None => limit / addrs.len() as u32, // some waits were longer than they should be
    };
    let started = Instant::now();
    let error = match share.is_zero() {
        true => ErrorKind::TimedOut.into(),
        false => match TcpStream::connect_timeout(addr, share) {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        },
    };
    if behind.is_empty() {
        return Err(io::Error::new(error.kind(), format!("{addr}: {error}")));
    }
    dial_each(behind, limit.saturating_sub(started.elapsed()), least)
        .map_err(|rest| io::Error::new(rest.kind(), format!("{addr}: {error}\n{rest}")))
}
