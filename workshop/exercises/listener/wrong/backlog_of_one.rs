//! Always asks for a backlog of 1.
//!
//! rejected by: asks for the given backlog
//! cause: Pass on the argument unchanged

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket_workshop::listen::Listen;

pub use crate::right_answers::listener::threads::serve;

pub fn listen(addr: SocketAddr, _: i32) -> io::Result<TcpListener> {
    Listen::with_backlog(1).on(addr)
}
