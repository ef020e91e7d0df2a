//! Expects `write_vectored` to write everything.
//!
//! rejected by: sends the rest after a partial write
//! cause: The rest was never written

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
    stream.write_vectored(&parts).map(drop)
}
