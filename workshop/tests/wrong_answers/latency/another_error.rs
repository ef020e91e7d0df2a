//! Turns every error into one of its own kind.
//!
//! rejected by: returns the error of a reset
//! cause: with another kind

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
    let sent = stream.write_all(&request);
    sent.map_err(|error| io::Error::other(format!("cannot put {key}: {error}")))
}
