//! Compares the burst with the limit as a u32.
//!
//! rejected by: returns an error if the kernel would cut the backlog
//! cause: keeps only the lower 32 bits

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
};

use socket_workshop::listen::Listen;

pub use crate::right_answers::backlog::asks_afterwards::serve;

pub fn listen(addr: SocketAddr, burst: usize) -> io::Result<TcpListener> {
    let limit = fs::read_to_string("/proc/sys/net/core/somaxconn")?;
    let limit: usize = limit.trim().parse().map_err(io::Error::other)?;
    if burst as u32 > limit as u32 {
        return Err(io::Error::other(format!("no room for a burst of {burst}")));
    }
    Listen::with_backlog(burst as i32).on(addr)
}
