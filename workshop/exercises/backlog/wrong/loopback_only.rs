//! Listens on 127.0.0.1, whatever the address.
//!
//! rejected by: listens on the given address
//! cause: binds another address than its argument

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
        return Err(io::Error::other(format!("no room for a burst of {burst}")));
    }
    Listen::with_backlog(burst as i32).on(SocketAddr::from(([127, 0, 0, 1], addr.port())))
}
