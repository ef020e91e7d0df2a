//! Prepares nothing: of requests that do not wait for each other the second is held back.
//!
//! rejected by: sends each request immediately after `prepare`
//! cause: Turn Nagle's algorithm off

use std::{
    io::{self, Write},
    net::TcpStream,
};

pub fn prepare(_: &TcpStream) -> io::Result<()> {
    Ok(())
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let mut request = format!("PUT {key} {}\n", value.len()).into_bytes();
    request.extend(value);
    stream.write_all(&request)
}
