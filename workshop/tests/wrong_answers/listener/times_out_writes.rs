//! Sets SO_SNDTIMEO on the listener.
//!
//! rejected by: sets no option that connections inherit
//! cause: Set no timeout on the listener

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
    socket.set_write_timeout(Some(std::time::Duration::from_secs(1)))?;
    socket.listen(backlog)?;
    Ok(socket.into())
}
