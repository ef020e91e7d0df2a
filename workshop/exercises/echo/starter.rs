//! Exercise 3: echo. What one end writes, the other reads, but not in the same pieces; and a stream
//! has an end.
//!
//! Build the server's side of one connection: send every byte back, in order, as soon as it comes,
//! to the client's end of file; then close, and say how many bytes there were.
//!
//! The rules it is held to:
//! - what has come is sent back before more is waited for: a client may send a byte and wait;
//! - bytes are bytes: no lines, no text, no value that means something;
//! - only the end of file is the end: a client may be silent for as long as it likes;
//! - after the client's end of file all that came before it is still sent back; when that is done
//!   `echo` returns how many bytes it was, and the connection is closed, its descriptor too;
//! - a connection that is reset is an error, not an end of file, and no reason to panic.
//!
//! How to go on:
//!
//!     cargo workshop check echo       examines it; so does  cargo test -p exercises --test echo
//!     cargo workshop hint echo        helps, a little more each time
//!     cargo run --example echo        is the lesson

use std::{io, net::TcpStream, process::ExitCode};

/// Sends back every byte to the end of file, and returns how many there were.
pub fn echo(stream: TcpStream) -> io::Result<u64> {
    let _ = stream;
    todo!(
        "read what has come into a buffer, write exactly that back, and again, to the end of file"
    )
}

fn main() -> ExitCode {
    workshop::checks::echo::SUITE.examine(echo)
}
