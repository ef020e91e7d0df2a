//! Connects to the address first, to see whether a server listens.
//!
//! rejected by: does not connect to a live server
//! cause: Your code connects to see whether a server listens

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use socket2::{Domain, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    if TcpStream::connect_timeout(&addr, Duration::from_millis(100)).is_ok() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}
