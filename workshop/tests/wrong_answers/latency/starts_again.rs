//! Writes the whole request again when a write has taken a part.
//!
//! rejected by: sends the rest after a partial write
//! cause: not at an earlier byte

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
