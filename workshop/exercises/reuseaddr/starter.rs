//! Exercise 6: reuseaddr. A server that is started again wants the address it had, at once; and it
//! must never take it from one that is still alive.
//!
//! Build what a server calls when it starts: the listener at its address, whatever an earlier run
//! has left there, or an error.
//!
//! The rules it is held to:
//! - the listener listens at exactly this address, so that clients are accepted; port 0 means any
//!   free port of it;
//! - where nobody listens any more the address is taken back, whatever state the old connections are
//!   in: TIME_WAIT, ESTABLISHED, FIN_WAIT_2, CLOSE_WAIT. They are left as they are;
//! - so is the address of a listener that you have made yourself, once it is dropped: nothing else
//!   may hold it open, and its connections end with FIN and TIME_WAIT like any others;
//! - where somebody listens it is an error, of `ErrorKind::AddrInUse`, at once, with no waiting and no
//!   other address instead; and the live server notices nothing: it keeps every client, and gets no
//!   connection that is none;
//! - the backlog is 4096 at least, for the clients that have been waiting meanwhile. The kernel cuts
//!   it to `net.core.somaxconn`;
//! - the listener blocks in `accept` for as long as it takes, and no program that the server starts
//!   inherits it (FD_CLOEXEC);
//! - the listener's is the only descriptor that is left open, and after an error there is none;
//! - an IPv6 address is for IPv6 alone: the same port of IPv4 is left to whoever has it (IPV6_V6ONLY).
//!
//! `TcpListener::bind` keeps some of these rules, but you cannot tell it the others; `socket2` lets you
//! make the calls one by one.
//!
//! How to go on:
//!
//!     cargo workshop check reuseaddr  examines it; so does  cargo test -p exercises --test reuseaddr
//!     cargo workshop hint reuseaddr   helps, a little more each time
//!     cargo run --example reuseaddr   is the lesson

use std::{
    io,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
};

/// Listens at the address of a server that was here before, unless it still is.
pub fn restart(addr: SocketAddr) -> io::Result<TcpListener> {
    let _ = addr;
    todo!("make a socket of the address's family, set its options, then bind it, then listen")
}

fn main() -> ExitCode {
    workshop::checks::reuseaddr::SUITE.examine(restart)
}
