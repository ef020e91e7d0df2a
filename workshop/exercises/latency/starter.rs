//! Exercise 14: latency. The kernel sends what a write gives it, when it sees fit: what is written in
//! pieces may go in pieces, and wait in between.
//!
//! Build the client's side of a store's protocol, requests only: `put` sends one, and `prepare` makes a
//! new connection fit for a client that sends many without waiting for the answers (pipelining).
//!
//! The rules they are held to:
//! - a request is `PUT`, a space, the key, a space, how many bytes the value has, a newline; and then
//!   the value: any bytes, and any number of them, also none. A key has no space or newline in it;
//! - a request that fits into one segment arrives in one, whether TCP_NODELAY is set on the socket or
//!   not. If everything before it is acknowledged, it is sent at once, and nothing of it is held back;
//! - on a connection that has been prepared, requests are sent at once even if those before them are
//!   not acknowledged yet;
//! - when `put` has returned, the kernel has the whole request. It waits neither for an ACK nor for the
//!   answer, which is the caller's to read;
//! - a large request arrives whole, although a write may take a part of it only;
//! - `put` leaves the socket's options as it found them. `prepare` is called once, before the first
//!   request, or not at all: then a caller waits for each answer before it goes on;
//! - an error of the kernel's is returned as it is: a reset is ConnectionReset or BrokenPipe, and no
//!   reason to panic.
//!
//! How to go on:
//!
//!     cargo workshop check latency       examines it; so does  cargo test -p exercises --test latency
//!     cargo workshop hint latency        helps, a little more each time
//!     cargo run --example latency        is the lesson

use std::{io, net::TcpStream, process::ExitCode};

/// Makes a new connection fit for requests that do not wait for each other.
pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    let _ = stream;
    todo!("what holds a small segment back while an earlier one is unacknowledged? Turn it off")
}

/// Sends one request.
pub fn put(stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let _ = (stream, key, value);
    todo!("put the whole request together first; then give it to the kernel in one write")
}

fn main() -> ExitCode {
    workshop::checks::latency::SUITE.examine((prepare, put))
}
