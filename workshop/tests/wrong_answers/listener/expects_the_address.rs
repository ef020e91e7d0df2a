//! Panics when the address is in use.
//!
//! rejected by: returns AddrInUse for an address in use
//! cause: turns an error into a panic

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub use crate::right_answers::listener::threads::serve;

pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into()).expect("the address is free"); // panics here
    socket.listen(backlog)?;
    Ok(socket.into())
}
