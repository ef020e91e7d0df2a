//! Takes SO_REUSEPORT for the option that forgives TIME_WAIT.
//!
//! rejected by: takes the address back from TIME_WAIT
//! cause: Your listener at another port has SO_REUSEPORT, and not SO_REUSEADDR

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_port(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}
