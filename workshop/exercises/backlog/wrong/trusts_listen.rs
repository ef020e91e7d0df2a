//! Assumes that the backlog is what it asked listen for.
//!
//! rejected by: returns an error if the kernel would cut the backlog
//! cause: its success says nothing

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
