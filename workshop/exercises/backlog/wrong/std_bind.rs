//! Uses `TcpListener::bind`, and ignores the burst.
//!
//! rejected by: has room for the whole burst before any accept
//! cause: which is what std's

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

pub use crate::right_answers::backlog::polls::serve;

pub fn listen(addr: SocketAddr, burst: usize) -> io::Result<TcpListener> {
    let _ = burst;
    TcpListener::bind(addr)
}
