//! Slow, but right: a read and a write for every byte.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    let mut total = 0;
    for byte in (&stream).bytes() {
        (&stream).write_all(&[byte?])?;
        total += 1;
    }
    Ok(total)
}
