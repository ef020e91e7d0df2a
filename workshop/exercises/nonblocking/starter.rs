//! Exercise 10: nonblocking
//!
//! `TcpStream::connect` to a machine that does not answer waits for about two minutes. It takes no
//! deadline, and no other thread can end it. Write a connect that ends by a deadline, and when it
//! is cancelled.
//!
//! Core rules (about 30 minutes):
//!   1. Return a stream that is connected to `addr`, which is an IPv4 or an IPv6 address. Send
//!      nothing on it.
//!   2. Return the stream blocking, and with every other option as the kernel sets it.
//!   3. Begin one dial and wait for that one: the kernel repeats the SYN.
//!   4. If the dial fails, return the kernel's error: ConnectionRefused if it was refused.
//!   5. When `limit` has passed since the call, return TimedOut: not earlier and not later. A limit
//!      of zero has already passed: return TimedOut immediately.
//!   6. When `cancel` is readable, or becomes readable, return ConnectionAborted.
//!
//! Hardened rules (about 25 minutes more):
//!   7. End of file on `cancel` cancels too.
//!   8. `cancel` belongs to the caller: read nothing from it, do not close it, and leave its flags
//!      unchanged.
//!   9. Accept a limit of any length, Duration::MAX too.
//!   10. Wait for the dial and for `cancel` at the same time, in the kernel. Do not sleep and check
//!      again, and do not spin.
//!   11. A signal (EINTR) neither ends the call nor restarts its limit.
//!   12. On every path out, leave no dial under way, no thread, and no descriptor except the
//!      stream's.
//!
//! `cancel` is a pipe, a socket or an eventfd. If two things happen at the same time (the connect
//! ends, the limit passes, `cancel` becomes readable), the result of either is right. Rule 6 asks
//! for ConnectionAborted, not for Interrupted: many callers repeat a call after Interrupted.
//!
//! How to go on:
//!
//!     cargo workshop check nonblocking     checks it; so does  cargo test -p exercises --test nonblocking
//!     cargo workshop hint nonblocking      helps, a little more each time
//!     cargo run --example nonblocking      runs the lesson

use std::{
    io,
    net::{SocketAddr, TcpStream},
    os::fd::BorrowedFd,
    process::ExitCode,
    time::Duration,
};

/// Connects, unless the limit passes first or `cancel` becomes readable.
pub fn connect(addr: SocketAddr, limit: Duration, cancel: BorrowedFd) -> io::Result<TcpStream> {
    let _ = (addr, limit, cancel);
    todo!(
        "begin with a non-blocking socket2::Socket, then wait in nix's poll for it and for `cancel`"
    )
}

fn main() -> ExitCode {
    workshop::checks::nonblocking::SUITE.examine(connect)
}
