//! Formats the value with the rest, as text.
//!
//! rejected by: sends any bytes as the value
//! cause: `from_utf8_lossy` replaces

use std::{
    io::{self, Write},
    net::TcpStream,
};

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let text = String::from_utf8_lossy(value);
    let request = format!("PUT {key} {}\n{text}", value.len());
    stream.write_all(request.as_bytes())
}
