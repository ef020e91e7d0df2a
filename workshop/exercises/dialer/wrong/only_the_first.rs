//! Dials the first address, and no other.
//!
//! rejected by: goes on after a refusal
//! cause: no connection has been made to it: its accept queue is empty

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let addr = addrs.first().ok_or(ErrorKind::InvalidInput)?;
    if limit.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    TcpStream::connect_timeout(addr, limit)
}
