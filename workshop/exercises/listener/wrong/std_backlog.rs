//! Uses `TcpListener::bind`, whose backlog is 128.
//!
//! rejected by: asks for the given backlog
//! cause: 128 is what `TcpListener::bind` asks for

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

pub use crate::right_answers::listener::threads::serve;

pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let _ = backlog;
    TcpListener::bind(addr)
}
