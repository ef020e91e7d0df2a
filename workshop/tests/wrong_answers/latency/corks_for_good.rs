//! Puts a cork on the connection, and never takes it off.
//!
//! rejected by: leaves nothing to be sent later
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
