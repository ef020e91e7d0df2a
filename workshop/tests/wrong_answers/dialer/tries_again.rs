//! Dials the addresses again and again until the limit is over.
//!
//! rejected by: returns ConnectionRefused if the last address refused
//! cause: A refusal is an answer

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let started = Instant::now();
    let mut kind = ErrorKind::InvalidInput;
    let mut outcomes = Vec::new();
    for (i, addr) in addrs.iter().enumerate() {
        let remaining = limit.saturating_sub(started.elapsed());
        match insist(addr, remaining / (addrs.len() - i) as u32) {
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

fn insist(addr: &SocketAddr, share: Duration) -> io::Result<TcpStream> {
    let started = Instant::now();
    loop {
        match connect(addr, share.saturating_sub(started.elapsed())) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                if started.elapsed() + Duration::from_millis(50) > share {
                    return Err(error);
                }
                thread::sleep(Duration::from_millis(50)); // waits here
            }
            result => return result,
        }
    }
}
