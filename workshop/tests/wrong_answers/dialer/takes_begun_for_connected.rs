//! Treats EINPROGRESS as a connection.
//!
//! rejected by: returns when the limit is over
//! cause: its SYN has not been answered

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
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
    let socket = Socket::new(Domain::for_address(*addr), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&(*addr).into()) {
        Err(error) if error.raw_os_error() != Some(115) => return Err(error), // not EINPROGRESS
        _ => {}
    }
    socket.set_nonblocking(false)?;
    Ok(socket.into())
}
