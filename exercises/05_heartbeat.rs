//! Exercise 5: heartbeat
//!
//! A connection whose peer has died looks like a connection whose peer has nothing to say. Write a
//! function that distinguishes them: it sends a ping to a silent peer, and returns how the
//! connection ended.
//!
//! Core rules (about 25 minutes):
//!   1. When nothing has been received for `interval`, send one ping: the five bytes `ping\n`. Send
//!      one more after each further `interval` of silence. Send none early.
//!   2. Read and discard every byte that the peer sends. Any byte is an answer: it restarts the
//!      interval and sets the count of unanswered pings to 0.
//!   3. When `misses` pings in a row have each gone unanswered for an `interval`, return
//!      Ok(Silent). That is exactly `misses` pings, and `misses` + 1 intervals after the last byte.
//!   4. When end of file arrives, return Ok(Closed) immediately.
//!   5. When a reset arrives, return Ok(Reset) immediately.
//!
//! Hardened rules (about 25 minutes more):
//!   6. Never wait for room to send a ping. If there is no room, the ping counts as sent and
//!      unanswered: do not send it later.
//!   7. Return every other error.
//!   8. Wait in a system call that returns when a byte, end of file or a reset comes. Do not sleep
//!      between attempts to read, and do not spin.
//!   9. A signal (EINTR) neither ends an interval nor restarts it.
//!   10. On every path out, leave the stream open in both directions and its options unchanged.
//!   11. On every path out, leave no thread and no descriptor.
//!
//! `misses` is 1 or more; `interval` is from half a millisecond to an hour. A reset is reported by a
//! read or a write, as `ErrorKind::ConnectionReset` or `BrokenPipe`. A connection that the kernel
//! itself ends with ETIMEDOUT is not Silent: `interval` and `misses` have not ended it.
//!
//! How to go on:
//!
//!     cargo workshop check heartbeat       checks it; so does  cargo test -p exercises --test heartbeat
//!     cargo workshop hint heartbeat        helps, a little more each time
//!     cargo run --example heartbeat        runs the lesson

use std::{io, net::TcpStream, process::ExitCode, time::Duration};

use workshop::checks::heartbeat::Ended;

/// Pings a silent peer until the connection ends, and returns how it ended.
pub fn watch(stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    let _ = (stream, interval, misses);
    todo!(
        "wait for bytes, but no longer than `interval`; if none have come, send a ping and count it"
    )
}

fn main() -> ExitCode {
    workshop::checks::heartbeat::SUITE.examine(watch)
}
