//! Dials the last address first.
//!
//! rejected by: connects to the first address that answers
//! cause: connected to a later address

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let started = Instant::now();
    let mut kinds = Vec::new();
    let mut outcomes = Vec::new();
    for (i, addr) in addrs.iter().enumerate().rev() {
        let remaining = limit.saturating_sub(started.elapsed());
        match connect(addr, remaining / (i + 1) as u32) {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                kinds.push(error.kind());
                outcomes.push(format!("{addr}: {error}"));
            }
        }
    }
    let text = format!("no address has answered: {}", outcomes.join("; "));
    Err(io::Error::new(
        kinds.first().copied().unwrap_or(ErrorKind::InvalidInput),
        text,
    ))
}

fn connect(addr: &SocketAddr, share: Duration) -> io::Result<TcpStream> {
    if share.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    TcpStream::connect_timeout(addr, share)
}
