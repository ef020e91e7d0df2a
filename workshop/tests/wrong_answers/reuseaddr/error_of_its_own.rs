//! Replaces the error of bind by one without its kind.
//!
//! rejected by: returns AddrInUse while a server listens
//! cause: Your code replaces the error of `bind`

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket
        .bind(&addr.into())
        .map_err(|error| io::Error::other(format!("cannot bind {addr}: {error}")))?;
    socket.listen(4096)?;
    Ok(socket.into())
}
