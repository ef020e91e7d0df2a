//! Exercise 5: heartbeat. A connection that is idle and one whose peer is dead look the same, until
//! somebody asks.
//!
//! Build the watch over a connection: ping a peer that says nothing, and tell how it ends: the peer
//! has closed, has reset the connection, or answers no more.
//!
//! The rules it is held to:
//! - when nothing has been received for `interval`, one ping is sent, the five bytes `ping\n`; and one
//!   more after each further `interval` of silence. A ping may be a little late, but not early;
//! - any byte received is a sign of life, whatever it is, and is thrown away: the interval begins
//!   anew, and so does the count of pings without an answer. Nothing that is sent does either;
//! - when `misses` pings in a row (1 or more) have gone unanswered for an `interval` each, it returns
//!   Ok(Silent): `misses` + 1 intervals after the last byte, and after exactly `misses` pings;
//! - end of file is Ok(Closed), and a reset is Ok(Reset): `ErrorKind::ConnectionReset` and
//!   `BrokenPipe`, from a read or a write. Both are told at once, not when the next ping is due.
//!   Every other error is an Err;
//! - a ping for which there is no room, for the send buffer and the peer's window are full, is not
//!   waited for: it counts as sent and unanswered;
//! - it waits in the kernel and uses next to no processor time: no loop that asks again and again;
//! - when it returns, the stream is as it was, open in both directions, blocking and without timeouts,
//!   and no thread of it is left.
//!
//! How to go on:
//!
//!     cargo workshop check heartbeat       examines it; so does  cargo test -p exercises --test heartbeat
//!     cargo workshop hint heartbeat        helps, a little more each time
//!     cargo run --example heartbeat        is the lesson

use std::{io, net::TcpStream, process::ExitCode, time::Duration};

use workshop::checks::heartbeat::Ended;

/// Pings a peer that says nothing, until the connection has ended, and tells how.
pub fn watch(stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    let _ = (stream, interval, misses);
    todo!(
        "wait for bytes, but no longer than `interval`; if none have come, send a ping and count it"
    )
}

fn main() -> ExitCode {
    workshop::checks::heartbeat::SUITE.examine(watch)
}
