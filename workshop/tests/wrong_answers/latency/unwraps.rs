//! Panics when the peer has reset the connection.
//!
//! rejected by: returns the error of a reset
//! cause: turn it into a panic

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
