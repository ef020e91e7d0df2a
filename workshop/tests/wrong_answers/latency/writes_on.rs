//! Writes in blocks, and treats each write as one of the whole block.
//!
//! rejected by: sends the rest after a partial write
//! cause: bytes in the middle are missing

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
