//! Opens the socket without SOCK_CLOEXEC.
//!
//! rejected by: sets FD_CLOEXEC
//! cause: Every program that the server starts inherits the listener

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
    socket.bind(&addr.into())?;
    socket.listen(4096)?;
    socket.set_cloexec(false)?;
    Ok(socket.into())
}
