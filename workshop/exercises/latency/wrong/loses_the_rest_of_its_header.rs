//! Sends the rest of the value after a partial write, and not that of the header.
//!
//! rejected by: sends the rest after a partial write
//! cause: bytes in the middle are missing

use std::{
    io::{self, ErrorKind, IoSlice, Write},
    net::TcpStream,
};

/// Prepares a new connection for requests that do not wait for each other.
pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

/// Sends one request.
pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let header = format!("PUT {key} {}\n", value.len());
    // No copy of the value: both parts in one call.
    let sent = loop {
        match stream.write_vectored(&[IoSlice::new(header.as_bytes()), IoSlice::new(value)]) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            result => break result?,
        }
    };
    let sent = sent.saturating_sub(header.len());
    stream.write_all(&value[sent..])
}
