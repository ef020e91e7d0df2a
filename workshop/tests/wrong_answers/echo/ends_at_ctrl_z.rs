//! Ends the connection at byte 0x1a, the end of a text file long ago.
//!
//! rejected by: treats no byte as special
//! cause: To an echo no byte means anything

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 || buf[..n] == [0x1a] {
            return Ok(total);
        }
        stream.write_all(&buf[..n])?;
        total += n as u64;
    }
}
