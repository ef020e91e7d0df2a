//! Asserts that the kernel has room.
//!
//! rejected by: fails where the kernel would cut the backlog
//! cause: makes a panic of it

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket_workshop::listen::Listen;

pub use crate::right_answers::backlog::polls::serve;

pub fn listen(addr: SocketAddr, burst: usize) -> io::Result<TcpListener> {
    let limit = socket_workshop::accept_queue::somaxconn() as usize;
    assert!(burst <= limit, "raise net.core.somaxconn"); // panics here
    Listen::with_backlog(burst as i32).on(addr)
}
