//! Sets TCP_CORK, and never turns it off.
//!
//! rejected by: holds nothing back for more data
//! cause: TCP_CORK is set

use std::{
    io::{self, Write},
    net::TcpStream,
};

use socket2::SockRef;

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    SockRef::from(stream).set_tcp_cork(true)?;
    write!(stream, "PUT {key} {}\n", value.len())?;
    stream.write_all(value)
}
