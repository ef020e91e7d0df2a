//! Asks for the smallest backlog: one client at a time.
//!
//! rejected by: has room for clients that wait
//! cause: `listen` was asked for 1.

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
    socket.listen(1)?;
    Ok(socket.into())
}
