//! Does not set SO_REUSEADDR.
//!
//! rejected by: takes its address back from TIME_WAIT
//! cause: Your first listener did not have it

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub use crate::right_answers::listener::threads::serve;

pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.bind(&addr.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}
