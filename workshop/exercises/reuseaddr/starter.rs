//! Exercise 6: reuseaddr
//!
//! You restart a server. It must listen on the address that it had, although old connections are
//! still in TIME_WAIT there. Write the function that the server calls when it starts: return a
//! listener on the address, or an error if another server listens there. It must not take clients
//! from a live server.
//!
//! Core rules (about 20 minutes):
//!   1. Listen on exactly the given address, IPv4 or IPv6. Port 0 means any free port.
//!   2. If old connections are in TIME_WAIT, take the address back.
//!   3. If old connections are still open, take the address back and leave the connections alone.
//!   4. Leave an address that the next start can take back: set SO_REUSEADDR every time.
//!   5. If another socket listens on the address, return AddrInUse immediately. Do not wait for
//!      the address.
//!
//! Hardened rules (about 30 minutes more):
//!   6. Return every error of `bind`, and keep its kind.
//!   7. Leave a live server alone: do not share its port (SO_REUSEPORT), and do not connect to
//!      it.
//!   8. Ask for a backlog of at least 4096. The kernel cuts it to net.core.somaxconn.
//!   9. Return a blocking socket, and set no timeout and no SO_LINGER: connections would inherit
//!      them.
//!   10. Set FD_CLOEXEC, so that programs which the server starts do not inherit the listener.
//!   11. Leave nothing else open: one descriptor after success, none after an error, and no
//!       thread.
//!   12. If the address is IPv6, let other sockets use the same port on IPv4 (IPV6_V6ONLY).
//!
//! On Unix `TcpListener::bind` satisfies all core rules, because it sets SO_REUSEADDR. It has no
//! argument for the rest: make the system calls one by one, with `socket2`.
//!
//! How to go on:
//!
//!     cargo workshop check reuseaddr  checks it; so does  cargo test -p exercises --test reuseaddr
//!     cargo workshop hint reuseaddr   helps, a little more each time
//!     cargo run --example reuseaddr   runs the lesson

use std::{
    io,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
};

/// Listens on the address of an earlier server, unless that server still listens.
pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let _ = addr;
    todo!("make a socket of the address's family, set its options, then bind it, then listen")
}

fn main() -> ExitCode {
    workshop::checks::reuseaddr::SUITE.examine(restart)
}
