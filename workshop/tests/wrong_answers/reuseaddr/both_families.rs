//! Leaves IPV6_V6ONLY off: an IPv6 listener needs the port of both families.
//!
//! rejected by: leaves the port of IPv4 to others
//! cause: has no IPV6_V6ONLY

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}
