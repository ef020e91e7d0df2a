//! Divides the limit by the length of the list before it looks whether that is zero.
//!
//! rejected by: returns InvalidInput for an empty list
//! cause: a division by its length panics

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let share = limit / addrs.len() as u32; // panics here
    let mut kind = ErrorKind::InvalidInput;
    let mut outcomes = Vec::new();
    for addr in addrs {
        match connect(addr, share) {
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
