//! Tries again and again, without a pause.
//!
//! rejected by: returns AddrInUse while a server listens
//! cause: makes the same call again and again

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    // spins here
    loop {
        // spins here
        match listen(addr) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {} // spins here
            result => return result,
        }
    }
}

pub fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?; // spins here
    socket.set_reuse_address(true)?; // spins here
    // spins here
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?; // spins here
    socket.listen(4096)?;
    Ok(socket.into())
} // spins here
