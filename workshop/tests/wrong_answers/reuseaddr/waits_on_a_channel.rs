//! Tries again after a timeout on a channel.
//!
//! rejected by: returns AddrInUse while a server listens
//! cause: waits until some time is over

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::mpsc,
    time::Duration,
};

use socket2::{Domain, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let (_sender, receiver) = mpsc::channel::<()>();
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    for _ in 0..20 {
        match socket.bind(&addr.into()) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => drop(receiver.recv_timeout(Duration::from_millis(50))),
            _ => break,
        }
    }
    if socket.local_addr()?.as_socket().is_none_or(|local| local.port() == 0) {
        socket.bind(&addr.into())?;
    }
    socket.listen(4096)?;
    Ok(socket.into())
}
