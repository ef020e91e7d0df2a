//! Exercise 6, done: a server's address taken back, and never shared.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
};

use socket2::{Domain, Socket, Type};

/// Connections that may wait for `accept`: while the server was down, its clients tried again.
const BACKLOG: i32 = 4096;

/// Listens on the address of an earlier server, unless that server still listens.
///
/// An early return drops the socket: an error leaves no descriptor open.
pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?; // close-on-exec
    // `bind` reads both options. With SO_REUSEADDR it ignores old connections whose sockets had the
    // option too. So it is set every time: accepted sockets inherit it, for the next start.
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // If another socket listens here: EADDRINUSE. SO_REUSEPORT would change that, and share the
    // port with a live server that has set it too.
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?; // EADDRINUSE too, if another process was faster
    Ok(socket.into())
}

fn main() -> ExitCode {
    workshop::checks::reuseaddr::SUITE.examine(restart)
}
