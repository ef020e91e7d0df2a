//! Reads the answer, which is for the caller.
//!
//! rejected by: returns without waiting for an ACK or the answer
//! cause: the answer is for the caller

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let mut request = format!("PUT {key} {}\n", value.len()).into_bytes();
    request.extend(value);
    stream.write_all(&request)?;
    stream.read(&mut [0; 64]).map(drop) // hangs here
}
