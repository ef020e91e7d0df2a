//! Keeps a raw descriptor, and does not close it when bind fails.
//!
//! rejected by: closes its socket when bind fails
//! cause: is still open

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub use crate::right_answers::listener::threads::serve;

pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if let Err(error) = socket.bind(&addr.into()) {
        std::mem::forget(socket);
        return Err(error);
    }
    socket.listen(backlog)?;
    Ok(socket.into())
}
