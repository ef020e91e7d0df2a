//! Exercise 1: listener
//!
//! Write the two halves of a TCP server. `listen` opens a listening socket with the backlog that
//! its caller asks for. `serve` greets each client as soon as it connects, and keeps the
//! connection until the client closes it. A silent, slow or broken client must not disturb the
//! others.
//!
//! Core rules (about 30 minutes):
//!   1. `listen` listens on exactly the address that it is given, IPv4 or IPv6.
//!   2. `listen` asks the kernel for the backlog that it is given.
//!   3. `serve` sends each client the greeting and nothing else. The client does not have to
//!      send anything first.
//!   4. `serve` greets a new client immediately, however many others are connected and silent.
//!   5. `serve` keeps a connection until end of file, and reads and discards what the client
//!      sends.
//!   6. `serve` closes the connection at end of file.
//!   7. `serve` returns when the listener fails, with the error of `accept`. Until then it goes
//!      on.
//!
//! Hardened rules (about 45 minutes more):
//!   8. `listen` sets SO_REUSEADDR before `bind`, so that TIME_WAIT does not block a restart.
//!   9. If the address is in use, `listen` returns the error of `bind` and leaves no descriptor
//!      open.
//!   10. `listen` returns a blocking socket, and sets no timeout and no SO_LINGER: connections
//!       would inherit them.
//!   11. `serve` sends the whole greeting, even if it is longer than the socket buffers. A client
//!       that does not read it delays no other client.
//!   12. An error of one connection, such as a reset, ends that connection only. No thread
//!       panics.
//!   13. While there is nothing to do, `serve` waits in the kernel for the next event. It does
//!       not spin (run in a loop without waiting), and it does not wait by sleeping.
//!   14. When no descriptor is left (EMFILE), `serve` keeps the clients it has, and leaves new
//!       ones in the accept queue. It tries again at least once a second, and does not spin.
//!   15. When a connection has ended, `serve` closes its descriptor and ends its thread.
//!
//! The kernel cuts a backlog to net.core.somaxconn: your `listen` does not have to check that.
//! `serve` may wait for the clients it has before it returns. The check counts more than a
//! twentieth of a processor as spinning.
//!
//! How to go on:
//!
//!     cargo workshop check listener   checks it; so does  cargo test -p exercises --test listener
//!     cargo workshop hint listener    helps, a little more each time
//!     cargo run --example listener    runs the lesson

use std::{
    io,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
};

/// Listens on an address with this backlog: the number of connections that may wait for `accept`.
pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let _ = (addr, backlog);
    todo!("make a socket2::Socket for the address, set SO_REUSEADDR, bind, listen")
}

/// Greets every client immediately, keeps each connection until the client closes it, and returns
/// only when the listener fails, with the error of `accept`.
pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    let _ = (listener, greeting);
    todo!(
        "accept in a loop; a thread for each connection greets, reads until end of file, and closes"
    )
}

fn main() -> ExitCode {
    workshop::checks::listener::SUITE.examine((listen, serve))
}
