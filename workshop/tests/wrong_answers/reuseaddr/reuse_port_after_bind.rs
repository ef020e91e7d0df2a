//! Sets SO_REUSEPORT after bind, so that later programs can share the port.
//!
//! rejected by: does not set SO_REUSEPORT
//! cause: Set SO_REUSEADDR only

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
    socket.set_reuse_port(true)?;
    socket.listen(4096)?;
    Ok(socket.into())
}
