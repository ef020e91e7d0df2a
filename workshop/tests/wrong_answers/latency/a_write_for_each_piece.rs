//! Formats into the socket: `write!` makes a write for each piece of its format.
//!
//! rejected by: needs one segment where TCP_NODELAY is set
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
