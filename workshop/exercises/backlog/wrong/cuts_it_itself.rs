//! Asks for as much as the kernel allows, and returns no error.
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
    let limit = socket_workshop::accept_queue::somaxconn() as usize;
    Listen::with_backlog(burst.min(limit) as i32).on(addr)
}
