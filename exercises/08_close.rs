//! Exercise 8: close
//!
//! Write the end of a server's connection: send a large answer and close the connection, so that
//! all of the answer arrives. The peer has sent bytes that your code has not read yet, and may send
//! more at any time.
//!
//! Core rules (about 30 minutes):
//!   1. Send all of `bytes`, then the FIN. Do not wait for the peer's end of file before that: the
//!      peer may wait for yours.
//!   2. Read and discard everything that the peer sends, until its end of file. A close with bytes
//!      unread sends a reset, and a reset discards what has not been delivered.
//!   3. If the peer's end of file arrives first, send everything all the same.
//!   4. When everything is sent and the peer's end of file has arrived, return Ok. Do not return
//!      before.
//!   5. When `limit` has passed since the call, return TimedOut: not earlier and not later, whether
//!      it is a read or a write that does not end.
//!
//! Hardened rules (about 25 minutes more):
//!   6. The limit is one deadline for the whole call. Nothing that is sent or received restarts it.
//!   7. When `limit` is zero, return TimedOut immediately.
//!   8. A signal (EINTR) neither ends the call nor restarts its limit.
//!   9. When the peer resets the connection, return the kernel's error: ConnectionReset or
//!      BrokenPipe.
//!   10. Wait in a system call that returns when the peer sends, reads or closes. Do not sleep
//!      between attempts, and do not spin.
//!   11. On every path out, close the stream and leave no thread and no descriptor.
//!
//! `limit` is an hour at most. A `shutdown` after a reset fails with NotConnected; `take_error`
//! then returns the error of the reset.
//!
//! You can rely on this: the peer reads while it sends. So you may read while you write, or only
//! afterwards. A peer that reads only after it has sent everything is out of scope (see lesson
//! `proxy`). In rule 4, "sent" may mean that your kernel has taken everything, or that the peer has
//! acknowledged it. Both are right.
//!
//! How to go on:
//!
//!     cargo workshop check close       checks it; so does  cargo test -p exercises --test close
//!     cargo workshop hint close        helps, a little more each time
//!     cargo run --example close        runs the lesson

use std::{io, net::TcpStream, process::ExitCode, time::Duration};

/// Sends an answer and closes the connection, so that all of it arrives.
pub fn answer(stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let _ = (stream, bytes, limit);
    todo!("write everything, send the FIN, and read to the peer's end of file, all by one deadline")
}

fn main() -> ExitCode {
    workshop::checks::close::SUITE.examine(answer)
}
