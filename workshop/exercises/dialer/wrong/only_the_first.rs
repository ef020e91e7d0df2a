//! Dials the first address only.
//!
//! rejected by: dials the next address immediately after a refusal
//! cause: but your code has not dialed it

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
