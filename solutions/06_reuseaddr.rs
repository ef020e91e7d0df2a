//! Exercise 6, done: a server's address taken back, and never shared.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
};

use socket2::{Domain, Socket, Type};

/// Connections that may wait for `accept`: while the server was down its clients tried again and again.
const BACKLOG: i32 = 4096;

/// Listens at the address of a server that was here before, unless it still is.
///
/// An early return drops the socket: an error leaves no descriptor behind.
pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?; // close-on-exec
    // Both options are read by bind. SO_REUSEADDR forgives old connections at this address if their
    // sockets had it too: so it is set every time, and what is accepted inherits it for the next.
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A socket that listens here is never forgiven: EADDRINUSE. It stays so without SO_REUSEPORT,
    // which would share the port with a live server that has set it as well.
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?; // EADDRINUSE too, if another has bound at the same time and was faster
    Ok(socket.into())
}

fn main() -> ExitCode {
    workshop::checks::reuseaddr::SUITE.examine(restart)
}
