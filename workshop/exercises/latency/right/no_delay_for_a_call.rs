//! Prepares nothing: every request sets the option, and sets it back.

use std::{
    io::{self, Write},
    net::TcpStream,
};

pub fn prepare(_: &TcpStream) -> io::Result<()> {
    Ok(())
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let before = stream.nodelay()?;
    stream.set_nodelay(true)?;
    let request = [format!("PUT {key} {}\n", value.len()).as_bytes(), value].concat();
    let written = stream.write_all(&request);
    stream.set_nodelay(before)?;
    written
}
