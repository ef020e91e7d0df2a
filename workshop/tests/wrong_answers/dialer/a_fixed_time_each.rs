//! Gives every address 100 ms.
//!
//! rejected by: waits for an address that answers late
//! cause: give the only address the whole limit

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let started = Instant::now();
    let mut kind = ErrorKind::InvalidInput;
    let mut outcomes = Vec::new();
    for addr in addrs {
        let remaining = limit.saturating_sub(started.elapsed());
        match connect(addr, remaining.min(Duration::from_millis(100))) {
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
