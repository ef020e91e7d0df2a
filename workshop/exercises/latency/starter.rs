//! Exercise 14: latency
//!
//! A request that is written in pieces can wait: Nagle's algorithm holds the second piece back
//! until the first is acknowledged, and the peer may delay that ACK by 40 ms. Build the client's
//! side of a store's protocol, requests only. `put` sends one request; `prepare` prepares a new
//! connection for a client that sends many requests without waiting for the answers (pipelining).
//!
//! Core rules (about 20 minutes):
//!   1. In `put`, send `PUT`, a space, the key, a space, the number of bytes in the value, a
//!      newline, and then the value. Send nothing else.
//!   2. Send the bytes of the value as they are. They need not be text, and there may be none.
//!   3. Send a request that fits into one segment in one segment, whether TCP_NODELAY is set or
//!      not.
//!   4. After `prepare`, send each request immediately, even if earlier ones are not acknowledged.
//!   5. Return from `put` when the kernel has the whole request: not earlier, and without waiting
//!      for an ACK or for the answer.
//!   6. Read nothing. The answers are for the caller.
//!
//! Hardened rules (about 20 minutes more):
//!   7. Hold nothing back. When `put` has returned, no byte may wait for more data to come.
//!   8. If the kernel takes only part of a write, send the rest.
//!   9. In `put`, leave every option of the socket as it was.
//!   10. In `prepare`, change only the option that rule 4 needs.
//!   11. When the connection is reset, return the error of the write. Do not panic.
//!   12. Leave no descriptor and no thread, after an error too.
//!
//! A key contains no space and no newline. `prepare` is called once, before the first request, or
//! not at all: then the caller waits for each answer before it sends the next request.
//!
//! How to go on:
//!
//!     cargo workshop check latency     checks it; so does  cargo test -p exercises --test latency
//!     cargo workshop hint latency      helps, a little more each time
//!     cargo run --example latency      runs the lesson

use std::{io, net::TcpStream, process::ExitCode};

/// Prepares a new connection for requests that do not wait for each other.
pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    let _ = stream;
    todo!("what holds a small segment back while earlier data is not acknowledged? Turn it off")
}

/// Sends one request.
pub fn put(stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let _ = (stream, key, value);
    todo!("build the whole request first; then pass it to the kernel in one write")
}

fn main() -> ExitCode {
    workshop::checks::latency::SUITE.examine((prepare, put))
}
