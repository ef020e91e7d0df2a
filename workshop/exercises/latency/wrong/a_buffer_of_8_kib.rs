//! Uses a BufWriter that has less room than the request: it passes on the header, and then the value.
//!
//! rejected by: sends one segment of thousands of bytes
//! cause: Build the whole request first

use std::{
    io::{self, BufWriter, Write},
    net::TcpStream,
};

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

pub fn put(stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let mut stream = BufWriter::new(stream);
    write!(stream, "PUT {key} {}\n", value.len())?;
    stream.write_all(value)?;
    stream.flush()
}
