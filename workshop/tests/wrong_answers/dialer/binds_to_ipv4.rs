//! Binds each socket to an IPv4 address before it connects.
//!
//! rejected by: dials both families
//! cause: but your code has not dialed it

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
    socket.bind(&SocketAddr::from(([0, 0, 0, 0], 0)).into())?;
    match socket.connect_timeout(&(*addr).into(), share) {
        Err(error) => Err(error),
        Ok(()) => Ok(socket.into()),
    }
}
