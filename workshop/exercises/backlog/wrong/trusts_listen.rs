//! Takes listen's success for the backlog that it asked for.
//!
//! rejected by: fails where the kernel would cut the backlog
//! cause: that it has succeeded says nothing

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket_workshop::listen::Listen;

pub use crate::right_answers::backlog::polls::serve;

pub fn listen(addr: SocketAddr, burst: usize) -> io::Result<TcpListener> {
    let backlog = i32::try_from(burst).map_err(io::Error::other)?;
    Listen::with_backlog(backlog).on(addr)
}
