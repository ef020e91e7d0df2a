//! Returns TimedOut without a text when the limit is zero.
//!
//! rejected by: names each address
//! cause: the error does not name each of them

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    if limit.is_zero() && !addrs.is_empty() {
        return Err(ErrorKind::TimedOut.into());
    }
    let started = Instant::now();
    let mut kind = ErrorKind::InvalidInput;
    let mut outcomes = Vec::new();
    for (i, addr) in addrs.iter().enumerate() {
        let remaining = limit.saturating_sub(started.elapsed());
        match connect(addr, remaining / (addrs.len() - i) as u32) {
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
