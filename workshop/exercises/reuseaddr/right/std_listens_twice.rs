//! `TcpListener::bind` for IPv4, and `listen` once more: on Linux that changes the backlog.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, SockRef, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    if addr.is_ipv4() {
        let listener = TcpListener::bind(addr)?;
        SockRef::from(&listener).listen(4096)?;
        return Ok(listener);
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
