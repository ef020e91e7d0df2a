//! Uses raw descriptors, and closes none when a call fails.
//!
//! rejected by: closes its socket after an error
//! cause: The socket of a failed call is still open

use std::{
    io,
    mem::ManuallyDrop,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = ManuallyDrop::new(Socket::new(Domain::for_address(addr), Type::STREAM, None)?);
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(4096)?;
    Ok(ManuallyDrop::into_inner(socket).into())
}
