//! Continues with the value after `write_vectored`, as if the header were always taken whole.
//!
//! rejected by: sends the rest after a partial write
//! cause: less than the

use std::{
    io::{self, IoSlice, Write},
    net::TcpStream,
};

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let header = format!("PUT {key} {}\n", value.len());
    let parts = [IoSlice::new(header.as_bytes()), IoSlice::new(value)];
    let taken = stream.write_vectored(&parts)?;
    stream.write_all(&value[taken - header.len()..]) // panics here
}
