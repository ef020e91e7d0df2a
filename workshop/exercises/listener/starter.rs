//! Exercise 1: a listener. The kernel completes connections by itself; accept takes them off a queue,
//! and an error of one client is not an error of the server.
//!
//! Build a listening socket with the backlog that is asked for, and a server on it that greets every
//! client at once and keeps it company until it leaves.
//!
//! The rules that `listen` is held to:
//! - it listens on the address it was given, an IPv4 or an IPv6 one, and on no other;
//! - the backlog is the one that was asked for;
//! - SO_REUSEADDR is set, so that connections in TIME_WAIT do not keep the address from a new start;
//! - an address where another socket listens is refused, with an error of kind `AddrInUse`.
//!
//! The rules that `serve` is held to:
//! - each client gets the greeting, all of it and nothing else, as soon as it has connected, without
//!   having said anything, and whatever the other clients do. A greeting may be longer than socket
//!   buffers hold, and a client may not read;
//! - what a client sends is read and discarded, until its end of file; then its connection is closed,
//!   and not before;
//! - an error of one connection, such as a reset, ends that connection only, and no thread panics;
//! - while nothing can be done it waits, and does not spin: a twentieth of a processor is the most that
//!   it may use;
//! - without a descriptor for the next connection (EMFILE) it goes on. Whoever has connected meanwhile
//!   stays in the queue, and is greeted at the latest a second after there are descriptors again;
//! - when the listener itself fails, it returns the error that accept gave, and not before. It may
//!   first wait for the clients it has.
//!
//! How to go on:
//!
//!     cargo workshop check listener   examines it; so does  cargo test -p exercises --test listener
//!     cargo workshop hint listener    helps, a little more each time
//!     cargo run --example listener    is the lesson

use std::{
    io,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
};

/// Listens on an address, with room for so many connections that wait for accept.
pub fn listen(addr: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let _ = (addr, backlog);
    todo!(
        "make a socket2::Socket for the address, set SO_REUSEADDR, bind, listen, and turn it into a TcpListener"
    )
}

/// Greets every client at once, holds each connection until the client closes it, and returns only
/// when the listener fails, with its error.
pub fn serve(listener: &TcpListener, greeting: &[u8]) -> io::Result<()> {
    let _ = (listener, greeting);
    todo!(
        "accept in a loop, and give each connection a thread that greets, reads to the end, and closes"
    )
}

fn main() -> ExitCode {
    workshop::checks::listener::SUITE.examine((listen, serve))
}
