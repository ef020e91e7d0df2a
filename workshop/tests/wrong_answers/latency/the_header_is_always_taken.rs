//! Goes on with the value after `write_vectored`, as if the header could not be what was cut.
//!
//! rejected by: goes on after a write that took a part
//! cause: less than the header

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
