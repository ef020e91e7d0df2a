//! Sets SO_REUSEADDR only after AddrInUse, so that the first start leaves sockets without it.
//!
//! rejected by: leaves an address that can be taken back again
//! cause: does not have the option

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    match listen(addr, false) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => listen(addr, true),
        result => result,
    }
}

pub fn listen(addr: SocketAddr, reuse: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(reuse)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}
