//! Makes an error of its own out of bind's, which says so in words only.
//!
//! rejected by: refuses the address of a live server at once
//! cause: A caller who must decide what to do asks for the `kind()`

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
    socket
        .bind(&addr.into())
        .map_err(|error| io::Error::other(format!("cannot bind {addr}: {error}")))?;
    socket.listen(4096)?;
    Ok(socket.into())
}
