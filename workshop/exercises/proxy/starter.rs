//! Exercise 15: proxy
//!
//! A proxy must behave as if it were not there: for the bytes, and for how a connection ends. It
//! has accepted `client` and dialed `server`. Build what it does for this one client: pass on
//! everything that each side sends to the other, until both sides have ended.
//!
//! Core rules (about 30 minutes):
//!   1. Pass on what has arrived before you wait for more, whichever side has sent it.
//!   2. Pass the bytes on unchanged.
//!   3. Serve both directions at once. A side that is silent, or does not read, may delay only the
//!      bytes that are meant for it.
//!   4. When one side half-closes, half-close the connection to the other side after the last byte.
//!      The other direction goes on.
//!   5. When both sides have half-closed, return how many bytes went to the server and how many
//!      went to the client. Do not wait until they are read.
//!
//! Hardened rules (about 30 minutes more):
//!   6. While nothing arrives, wait in the kernel without a timeout.
//!   7. Leave in the kernel what cannot be passed on yet: hold at most 1 MiB in each direction.
//!   8. When a read returns the reset of one side, reset the connection to the other side, send no
//!      FIN before, and return an error.
//!   9. When a write returns the reset of one side, reset the connection to the other side too, and
//!      return an error. A normal close is not enough.
//!   10. Return an error if one side resets its connection while the other side sends to it.
//!   11. When `relay` returns, leave no thread and no descriptor, after an error too.
//!
//! You may return any error. Two cases are not examined, because two threads that only copy do not
//! handle them. A thread that is blocked in a write, because one side does not read, does not
//! notice that the other side resets. And when a side that has not half-closed resets, one thread's
//! write may return the reset. Then the other thread's read from that side returns Ok(0), as at end
//! of file. Rule 9 is examined with a side that has half-closed and then resets.
//!
//! How to go on:
//!
//!     cargo workshop check proxy      checks it; so does  cargo test -p exercises --test proxy
//!     cargo workshop hint proxy       helps, a little more each time
//!     cargo run --example proxy       runs the lesson

use std::{io, net::TcpStream, process::ExitCode};

/// Passes on what each side sends to the other until both have ended. Returns how many bytes went
/// to the server and how many to the client.
pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    let _ = (client, server);
    todo!(
        "serve two directions at once: a thread for each copies to the end of file and passes that \
         on"
    )
}

fn main() -> ExitCode {
    workshop::checks::proxy::SUITE.examine(relay)
}
