//! Sets IPV6_V6ONLY after bind.
//!
//! rejected by: leaves the port of IPv4 to others
//! cause: IPV6_V6ONLY must be set before

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.listen(4096)?;
    Ok(socket.into())
}
