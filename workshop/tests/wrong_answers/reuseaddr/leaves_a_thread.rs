//! Leaves a thread that waits for the next restart.
//!
//! rejected by: leaves no thread
//! cause: a thread that it started is still there

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
    socket.listen(4096)?;
    std::thread::spawn(|| std::thread::park()); // hangs here
    Ok(socket.into())
}
