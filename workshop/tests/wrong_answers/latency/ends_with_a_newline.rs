//! Ends the value with a newline: one byte more than announced.
//!
//! rejected by: sends the request and nothing else
//! cause: nothing after it

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
    request.push(b'\n');
    stream.write_all(&request)
}
