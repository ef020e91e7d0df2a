//! Gives the whole limit to each address.
//!
//! rejected by: returns when the limit is over
//! cause: gives each address a limit of its own

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let mut kind = ErrorKind::InvalidInput;
    let mut outcomes = Vec::new();
    for addr in addrs {
        match connect(addr, limit) {
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
