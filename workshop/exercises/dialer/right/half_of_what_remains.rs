//! Half of what remains for the first, the other half for all behind it; recursion instead of a loop.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let (addr, behind) = addrs.split_first().ok_or(ErrorKind::InvalidInput)?;
    let share = if behind.is_empty() { limit } else { limit / 2 };
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
    dial(behind, limit.saturating_sub(started.elapsed()))
        .map_err(|rest| io::Error::new(rest.kind(), format!("{addr}: {error}\n{rest}")))
}
