//! Sets TCP_NODELAY with every request, and leaves it set.
//!
//! rejected by: leaves the options of the socket in `put`
//! cause: An option belongs to the socket

use std::{
    io::{self, Write},
    net::TcpStream,
};

pub fn prepare(_: &TcpStream) -> io::Result<()> {
    Ok(())
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = format!("PUT {key} {}\n", value.len()).into_bytes();
    request.extend(value);
    stream.write_all(&request)
}
