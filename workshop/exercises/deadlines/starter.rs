//! Exercise 4: deadlines. A timeout limits one call; a deadline limits the whole of what one waits for.
//!
//! Build the call by which a server reads a line from a peer it does not trust: one that may be
//! silent, send a byte now and then, stop in mid-line, or never send a newline at all.
//!
//! The rules it is held to:
//! - a line is the bytes up to the newline, `\n`, however they come in pieces, as a `String` without
//!   the newline; everything else is a part of it, `\r` and spaces too. It may be empty;
//! - what stands behind the newline stays in the socket: it is the next call's;
//! - if no newline has come `limit` after the call, and not earlier, it returns `TimedOut`, also when
//!   the limit is zero. While nothing comes its thread waits and does not run. A signal is no reason
//!   to give up. If nothing of a line had come, the connection can be read on afterwards;
//! - an end of file before the newline is `UnexpectedEof`, also where nothing stands before it; any
//!   other error of the kernel's is returned as it is: a reset is `ConnectionReset`;
//! - a line has at most `max` bytes, the newline not counted (0 allows the empty line only). Where
//!   more come it returns `FileTooLarge` without waiting for the rest, and has taken at most
//!   `max + 1` bytes from the socket;
//! - a line that is not UTF-8 is `InvalidData`, and the next call reads the line behind it.
//!
//! It may leave a read timeout on the socket. After `TimedOut` in mid-line and after `FileTooLarge`
//! there is no telling where the next line begins: such a connection its caller will close.
//!
//! How to go on:
//!
//!     cargo workshop check deadlines       examines it; so does  cargo test -p exercises --test deadlines
//!     cargo workshop hint deadlines        helps, a little more each time
//!     cargo run --example deadlines        is the lesson

use std::{io, net::TcpStream, process::ExitCode, time::Duration};

/// Reads one line, and returns it without its newline.
pub fn read_line_within(stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    let _ = (stream, limit, max);
    todo!(
        "note when it must be over; then read to the newline, with what remains as each read's timeout"
    )
}

fn main() -> ExitCode {
    workshop::checks::deadlines::SUITE.examine(read_line_within)
}
