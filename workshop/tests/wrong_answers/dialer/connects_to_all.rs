//! Connects to all addresses, and keeps the first connection.
//!
//! rejected by: dials nothing more once an address has answered
//! cause: its server gets a connection that will not be used

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let started = Instant::now();
    let mut kind = ErrorKind::InvalidInput;
    let mut outcomes = Vec::new();
    let mut streams = Vec::new();
    for (i, addr) in addrs.iter().enumerate() {
        let remaining = limit.saturating_sub(started.elapsed());
        match connect(addr, remaining / (addrs.len() - i) as u32) {
            Ok(stream) => streams.push(stream),
            Err(error) => {
                kind = error.kind();
                outcomes.push(format!("{addr}: {error}"));
            }
        }
    }
    if !streams.is_empty() {
        return Ok(streams.swap_remove(0));
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
