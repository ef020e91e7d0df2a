//! Connects to the address after an error, to see whether a server listens.
//!
//! rejected by: does not connect to a live server
//! cause: Your code connects to see whether a server listens

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
    if let Err(error) = socket.bind(&addr.into()) {
        let _ = std::net::TcpStream::connect(addr);
        return Err(error);
    }
    socket.listen(4096)?;
    Ok(socket.into())
}
