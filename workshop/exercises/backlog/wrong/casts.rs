//! Compares with the limit what is left of the number in 32 bits.
//!
//! rejected by: fails where the kernel would cut the backlog
//! cause: keeps the lower 32 bits

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
