//! Listens as std does, and leaves the burst out.
//!
//! rejected by: has room for the whole burst before anyone accepts
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
