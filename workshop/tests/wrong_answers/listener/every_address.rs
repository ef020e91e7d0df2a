//! Listens on every address of the machine: anybody in the network may connect.
//!
//! rejected by: listens on the address it was given, IPv4 or IPv6
//! cause: The caller says where to listen

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub use crate::right_answers::listener::threads::serve;

pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let addr = SocketAddr::from(([0, 0, 0, 0], addr.port()));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}
