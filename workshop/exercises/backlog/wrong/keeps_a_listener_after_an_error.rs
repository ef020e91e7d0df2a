//! Listens first, and leaks the listener when it finds that the queue is too short.
//!
//! rejected by: leaves no descriptor open after an error
//! cause: is still open

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
};

use socket_workshop::listen::Listen;

pub use crate::right_answers::backlog::asks_afterwards::serve;

pub fn listen(addr: SocketAddr, burst: usize) -> io::Result<TcpListener> {
    let limit = fs::read_to_string("/proc/sys/net/core/somaxconn")?;
    let limit: usize = limit.trim().parse().map_err(io::Error::other)?;
    if burst > limit {
        std::mem::forget(Listen::with_backlog(limit as i32).on(addr)?);
        return Err(io::Error::other(format!("no room for a burst of {burst}")));
    }
    Listen::with_backlog(burst as i32).on(addr)
}
