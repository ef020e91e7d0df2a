//! Compares the lower 32 bits of the burst with the limit.
//!
//! rejected by: returns an error if the kernel would cut the backlog
//! cause: keeps only the lower 32 bits

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket_workshop::listen::Listen;

pub use crate::right_answers::backlog::polls::serve;

pub fn listen(addr: SocketAddr, burst: usize) -> io::Result<TcpListener> {
    let limit = socket_workshop::accept_queue::somaxconn() as i32;
    let backlog = burst as i32;
    if backlog > limit {
        return Err(io::Error::other("the burst is too long"));
    }
    Listen::with_backlog(backlog).on(addr)
}
