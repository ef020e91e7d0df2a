//! Binds the port on every address of the machine.
//!
//! rejected by: listens on the given address
//! cause: Your code binds every address of this machine

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    let everywhere = match addr {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, addr.port())),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, addr.port())),
    };
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&everywhere.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}
