//! Takes only the port of its argument, and the usual address of the family.
//!
//! rejected by: listens on the given address
//! cause: binds another address than its argument

use std::{
    io,
    net::{Ipv6Addr, SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub use crate::right_answers::listener::threads::serve;

pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let ip = if addr.is_ipv4() {
        [127, 0, 0, 1].into()
    } else {
        Ipv6Addr::LOCALHOST.into()
    };
    let addr = SocketAddr::new(ip, addr.port());
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}
