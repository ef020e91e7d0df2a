//! Sets SO_LINGER with 0 seconds, so that no TIME_WAIT is left.
//!
//! rejected by: sets no option that connections inherit
//! cause: inherits SO_LINGER

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

pub use crate::right_answers::listener::threads::serve;

pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.set_linger(Some(std::time::Duration::ZERO))?;
    socket.listen(backlog)?;
    Ok(socket.into())
}
