//! The workshop's own `Listen`, whose errors say what was attempted and keep their kind.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket_workshop::listen::Listen;

pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let options = Listen {
        v6only: Some(true),
        ..Listen::with_backlog(i32::MAX) // as much as the kernel allows
    };
    options.on(addr)
}
