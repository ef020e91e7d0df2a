//! Leaves the backlog to std.
//!
//! rejected by: has the backlog that was asked for
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
