//! A cork on the connection while the pieces are written, a byte at a time if they are small.

use std::{
    io::{self, Write},
    net::TcpStream,
};

use socket2::SockRef;

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

pub fn put(mut stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_cork(true)?;
    let header = format!("PUT {key} {}\n", value.len()).into_bytes();
    let size = if header.len() < 100 { 1 } else { header.len() };
    let mut pieces = header.chunks(size);
    let written = pieces
        .try_for_each(|piece| stream.write_all(piece))
        .and_then(|()| stream.write_all(value));
    let uncorked = socket.set_tcp_cork(false);
    written.and(uncorked)
}
