//! Thinks that a long queue cannot have been meant.
//!
//! rejected by: has the backlog that was asked for
//! cause: pass on the argument

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket_workshop::listen::Listen;

pub use crate::right_answers::listener::threads::serve;

pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    Listen::with_backlog(backlog.min(64)).on(addr)
}
