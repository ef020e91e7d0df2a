//! Sets SO_REUSEADDR after bind.
//!
//! rejected by: takes the address back from TIME_WAIT
//! cause: too late

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    socket.set_reuse_address(true)?;
    socket.listen(4096)?;
    Ok(socket.into())
}
