//! Unwraps the result of an attempt.
//!
//! rejected by: dials the next address immediately after a refusal
//! cause: turn them into a panic

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
    Ok(TcpStream::connect_timeout(addr, limit).unwrap()) // panics here
}
