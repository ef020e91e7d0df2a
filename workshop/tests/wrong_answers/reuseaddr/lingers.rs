//! Sets SO_LINGER to 5 seconds on the listener.
//!
//! rejected by: sets no timeout and no SO_LINGER
//! cause: With more, the close blocks

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
    socket.set_linger(Some(std::time::Duration::from_secs(5)))?;
    socket.listen(4096)?;
    Ok(socket.into())
}
