//! Binds every address of the machine if the given one is IPv6.
//!
//! rejected by: listens on the given address
//! cause: Your code binds every address of this machine

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let addr = match addr {
        SocketAddr::V6(addr) => SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, addr.port())),
        addr => addr,
    };
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}
