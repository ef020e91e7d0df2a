//! Exercise 14, done: a request in one write, and no wait for an ACK.

use std::{
    io::{self, Write},
    net::TcpStream,
    process::ExitCode,
};

/// Prepares a new connection for requests that do not wait for each other.
///
/// Nagle's algorithm would hold each small request back until the one before it is acknowledged,
/// and the peer delays its ACK. The option belongs to the socket, not to a call: once is enough.
pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

/// Sends one request.
pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    // Each write may become a segment, and of two small ones the second may have to wait for the
    // ACK of the first. One write costs a copy of the value. `write_vectored` would save it, but
    // may take only a part, and then we must find the rest.
    let mut request = format!("PUT {key} {}\n", value.len()).into_bytes();
    request.extend(value);
    // One `write`, which waits for room; more only where a signal or a timeout cuts it short.
    stream.write_all(&request)
}

fn main() -> ExitCode {
    workshop::checks::latency::SUITE.examine((prepare, put))
}
