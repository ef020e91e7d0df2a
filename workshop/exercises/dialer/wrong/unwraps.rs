//! Unwraps what an attempt returned.
//!
//! rejected by: goes on after a refusal
//! cause: An attempt that fails is no reason to

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
