//! Passes MSG_MORE with each header, even where no value follows.
//!
//! rejected by: holds nothing back for more data
//! cause: was told that more data is to come

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
    let mut sent = 0;
    while sent < header.len() {
        sent += SockRef::from(stream).send_with_flags(&header[sent..], MSG_MORE)?;
    }
    stream.write_all(value)
}
