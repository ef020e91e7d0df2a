//! Exercise 10: nonblocking. A blocking connect waits for as long as the kernel sends its SYN, some two
//! minutes, and its thread hears of nothing else: neither of a deadline, nor of another thread.
//!
//! Build a connect that ends by a deadline, and when somebody cancels it.
//!
//! The rules it is held to:
//! - what it gives back is a stream that is connected, to IPv4 or IPv6, that blocks, and has no timeout
//!   set. It begins one dial and waits for that one: the kernel repeats the SYN;
//! - if the dial fails, it returns why, by the kernel's own kind: `ConnectionRefused` if it was refused;
//! - if the dial is still under way when `limit` has passed since the call, the error is `TimedOut`, and
//!   never before that. A limit of zero has passed at once; one may have any length, `Duration::MAX` too;
//! - if `cancel` becomes readable, or was so before, it is `ConnectionAborted` (not `Interrupted`, which
//!   means a signal, and is tried again). An end of file is readable, too. `cancel` is only lent:
//!   nothing is read from it, for others may wait for the same word;
//! - while nothing comes its thread waits in the kernel. A signal ends nothing, nor does it make the
//!   limit begin anew;
//! - where two of these come at the same time, either will do;
//! - but for the stream, nothing is left when it returns: no descriptor, no dial under way.
//!
//! How to go on:
//!
//!     cargo workshop check nonblocking     examines it; so does  cargo test -p exercises --test nonblocking
//!     cargo workshop hint nonblocking      helps, a little more each time
//!     cargo run --example nonblocking      is the lesson

use std::{
    io,
    net::{SocketAddr, TcpStream},
    os::fd::BorrowedFd,
    process::ExitCode,
    time::Duration,
};

/// Connects, unless the limit is over before, or there is something to read from `cancel`.
pub fn connect(addr: SocketAddr, limit: Duration, cancel: BorrowedFd) -> io::Result<TcpStream> {
    let _ = (addr, limit, cancel);
    todo!(
        "begin with a socket2::Socket that does not block; then wait in nix's poll for two things"
    )
}

fn main() -> ExitCode {
    workshop::checks::nonblocking::SUITE.examine(connect)
}
