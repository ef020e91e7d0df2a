//! Writes in blocks, and takes each write for one of the whole block.
//!
//! rejected by: goes on after a write that took a part
//! cause: bytes in between are missing

use std::{
    io::{self, Write},
    net::TcpStream,
};

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let mut request = format!("PUT {key} {}\n", value.len()).into_bytes();
    request.extend(value);
    for block in request.chunks(128 << 10) {
        let _taken = stream.write(block)?;
    }
    Ok(())
}
