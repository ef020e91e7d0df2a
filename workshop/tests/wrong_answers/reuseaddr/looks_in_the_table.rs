//! Reads the socket table, and treats an old connection as a live server.
//!
//! rejected by: takes the address back while old connections are open
//! cause: only `bind` knows

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket_workshop::table::{Kernel, State};
use socket2::{Domain, Socket, Type};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let table = Kernel::open()?.table()?;
    let mut left = table
        .rows
        .iter()
        .filter(|row| row.local == addr || row.peer == addr);
    if left.any(|row| row.state != State::TimeWait) {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}
