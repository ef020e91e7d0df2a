//! Exercise 3: echo
//!
//! Write the server side of one echo connection: send back every byte you receive until the client
//! closes its sending half. Then close the connection and return how many bytes you echoed.
//!
//! Core rules (about 20 minutes):
//!   1. Echo what has arrived before you wait for more. A client may send one byte and wait for it.
//!   2. Echo bytes exactly as they are. No byte is special, and the bytes need not be text.
//!   3. Stop at end of file only. A silent client is still connected.
//!   4. Echo everything that arrived before end of file, then return the number of bytes.
//!
//! Hardened rules (about 15 minutes more):
//!   5. If the kernel takes only part of a write, send the rest.
//!   6. When the connection is reset, return the error. Do not panic.
//!   7. Close the descriptor on every path out of the function.
//!
//! How to go on:
//!
//!     cargo workshop check echo       checks it; so does  cargo test -p exercises --test echo
//!     cargo workshop hint echo        helps, a little more each time
//!     cargo run --example echo        runs the lesson

use std::{io, net::TcpStream, process::ExitCode};

/// Sends back every byte until end of file, and returns how many there were.
pub fn echo(stream: TcpStream) -> io::Result<u64> {
    let _ = stream;
    todo!(
        "read what has arrived into a buffer, write exactly that back, and repeat until end of file"
    )
}

fn main() -> ExitCode {
    workshop::checks::echo::SUITE.examine(echo)
}
