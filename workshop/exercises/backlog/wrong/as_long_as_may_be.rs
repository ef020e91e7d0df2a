//! Makes the queue as long as the kernel allows.
//!
//! rejected by: queues at most one client more than the burst
//! cause: A queue longer than the burst

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket_workshop::listen::Listen;

pub use crate::right_answers::backlog::polls::serve;

pub fn listen(addr: SocketAddr, burst: usize) -> io::Result<TcpListener> {
    let limit = socket_workshop::accept_queue::somaxconn() as usize;
    if burst > limit {
        return Err(io::Error::other("the burst is too long"));
    }
    Listen::with_backlog(i32::MAX).on(addr)
}
