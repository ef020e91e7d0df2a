//! Turns every error of bind into AddrInUse.
//!
//! rejected by: returns the error of bind for a foreign address
//! cause: return the error of `bind` unchanged

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
    socket.bind(&addr.into()).map_err(|_| io::ErrorKind::AddrInUse)?;
    socket.listen(4096)?;
    Ok(socket.into())
}
