//! The header with MSG_MORE, where a value follows.

use std::{
    io::{self, Write},
    net::TcpStream,
};

use nix::libc::MSG_MORE;
use socket2::SockRef;

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let header = format!("PUT {key} {}\n", value.len()).into_bytes();
    if value.is_empty() {
        return stream.write_all(&header);
    }
    let mut sent = 0;
    while sent < header.len() {
        sent += SockRef::from(stream).send_with_flags(&header[sent..], MSG_MORE)?;
    }
    stream.write_all(value)
}
