//! Gives each address 100 ms at least, whatever remains.
//!
//! rejected by: times out immediately when the limit is zero
//! cause: Your code gives each address some time even when none remains

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let started = Instant::now();
    let mut kind = ErrorKind::InvalidInput;
    let mut outcomes = Vec::new();
    if limit.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    for (i, addr) in addrs.iter().enumerate() {
        let remaining = limit.saturating_sub(started.elapsed());
        let share = remaining / (addrs.len() - i) as u32;
        match connect(addr, share.max(Duration::from_millis(100))) {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                kind = error.kind();
                outcomes.push(format!("{addr}: {error}"));
            }
        }
    }
    let text = format!("no address has answered: {}", outcomes.join("; "));
    Err(io::Error::new(kind, text))
}

fn connect(addr: &SocketAddr, share: Duration) -> io::Result<TcpStream> {
    if share.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    TcpStream::connect_timeout(addr, share)
}
