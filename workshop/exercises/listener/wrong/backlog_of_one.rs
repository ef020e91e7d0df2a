//! Has a backlog of its own, and a small one.
//!
//! rejected by: has the backlog that was asked for
//! cause: pass on the argument

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket_workshop::listen::Listen;

pub use crate::right_answers::listener::threads::serve;

pub fn listen(addr: SocketAddr, _: i32) -> io::Result<TcpListener> {
    Listen::with_backlog(1).on(addr)
}
