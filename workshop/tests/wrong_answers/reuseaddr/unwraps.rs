//! Panics when the address is in use.
//!
//! rejected by: returns AddrInUse while a server listens
//! cause: turn it into a panic

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
    socket.bind(&addr.into()).unwrap(); // panics here
    socket.listen(4096)?;
    Ok(socket.into())
}
