//! Makes an end of file of every error.
//!
//! rejected by: takes a reset for an error
//! cause: `unwrap_or(0)` makes an end of file of it

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf).unwrap_or(0);
        if n == 0 {
            return Ok(total);
        }
        stream.write_all(&buf[..n])?;
        total += n as u64;
    }
}
