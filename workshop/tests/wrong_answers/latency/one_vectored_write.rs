//! Takes `write_vectored` for something that writes all.
//!
//! rejected by: goes on after a write that took a part
//! cause: the rest was never written

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
