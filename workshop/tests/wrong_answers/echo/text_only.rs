//! Treats bytes as text, and replaces those that are not UTF-8.
//!
//! rejected by: treats no byte as special
//! cause: `from_utf8_lossy` replaces what is not UTF-8

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            return Ok(total);
        }
        let text = String::from_utf8_lossy(&buf[..n]);
        stream.write_all(text.as_bytes())?;
        total += n as u64;
    }
}
