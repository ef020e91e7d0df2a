//! `TcpListener::bind`, which sets SO_REUSEADDR, and asks for a backlog of 128.
//!
//! rejected by: has room for clients that wait
//! cause: 128 is what std's TcpListener asks for

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(addr)
}
