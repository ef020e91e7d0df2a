//! Formats into the socket: `write!` makes a write for each piece of its format.
//!
//! rejected by: sends one segment with TCP_NODELAY
//! cause: With TCP_NODELAY each write is a segment

use std::{
    io::{self, Write},
    net::TcpStream,
};

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    write!(stream, "PUT {key} {}\n", value.len())?;
    stream.write_all(value)
}
