//! Asserts that the kernel has room.
//!
//! rejected by: returns an error if the kernel would cut the backlog
//! cause: turns it into a panic

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
