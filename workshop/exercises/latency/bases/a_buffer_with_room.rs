//! A BufWriter that has room for the request, and is flushed.

use std::{
    io::{self, BufWriter, Write},
    net::TcpStream,
};

pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

pub fn put(stream: &TcpStream, key: &str, value: &[u8]) -> io::Result<()> {
    let mut stream = BufWriter::with_capacity(key.len() + value.len() + 50, stream);
    write!(stream, "PUT {key} {}\n", value.len())?;
    stream.write_all(value)?;
    stream.flush()
}
