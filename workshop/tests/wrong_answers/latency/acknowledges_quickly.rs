//! Turns off the delay of its own ACKs, although the peer's are the ones that are delayed.
//!
//! rejected by: sends each request immediately after `prepare`
//! cause: no option at your end changes that

use std::{
    io::{self, Write},
    net::TcpStream,
};

use socket2::SockRef;

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_tcp_quickack(true)
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let mut request = format!("PUT {key} {}\n", value.len()).into_bytes();
    request.extend(value);
    stream.write_all(&request)
}
