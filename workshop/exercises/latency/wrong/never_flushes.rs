//! Drops a BufWriter without a flush: what was in it is written, and the error is lost.
//!
//! rejected by: returns the error of a reset
//! cause: A BufWriter that is

use std::{
    io::{self, BufWriter, Write},
    net::TcpStream,
};

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

pub fn put(stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let mut stream = BufWriter::with_capacity(key.len() + value.len() + 50, stream);
    write!(stream, "PUT {key} {}\n", value.len())?;
    stream.write_all(value)
}
