//! `TcpListener::bind`, which sets SO_REUSEADDR, and asks for a backlog of 128.
//!
//! rejected by: has room for clients that wait
//! cause: asked for 128, as std's TcpListener does

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(addr)
}
