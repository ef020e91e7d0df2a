//! Writes it all once more when a write has taken a part.
//!
//! rejected by: goes on after a write that took a part
//! cause: not from an earlier byte

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
    while stream.write(&request)? < request.len() {}
    Ok(())
}
