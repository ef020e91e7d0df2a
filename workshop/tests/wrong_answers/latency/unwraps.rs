//! Panics where the peer is gone.
//!
//! rejected by: takes a reset for an error
//! cause: an `unwrap` makes a panic of it

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
    stream.write_all(&request).unwrap(); // panics here
    Ok(())
}
