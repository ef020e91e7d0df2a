//! Opens a lock file, and leaves it open.
//!
//! rejected by: leaves one descriptor open
//! cause: Your code has opened another descriptor

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
    std::mem::forget(std::fs::File::open("/dev/null")?);
    socket.listen(4096)?;
    Ok(socket.into())
}
