//! Writes the header, then the value: the second write waits for the ACK of the first.
//!
//! rejected by: sends one segment without TCP_NODELAY
//! cause: Nagle's algorithm holds

use std::{
    io::{self, Write},
    net::TcpStream,
};

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let header = format!("PUT {key} {}\n", value.len());
    stream.write_all(header.as_bytes())?;
    stream.write_all(value)
}
