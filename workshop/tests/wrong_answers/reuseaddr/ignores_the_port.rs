//! Always lets the kernel choose the port.
//!
//! rejected by: listens on the given address
//! cause: Only port 0 asks the kernel for a free port

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
    socket.bind(&SocketAddr::new(addr.ip(), 0).into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}
