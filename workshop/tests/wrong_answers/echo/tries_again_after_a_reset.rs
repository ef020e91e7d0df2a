//! Reads again after every error.
//!
//! rejected by: returns the error of a reset
//! cause: your code dropped it

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let Ok(n) = stream.read(&mut buf) else {
            continue;
        };
        if n == 0 {
            return Ok(total);
        }
        stream.write_all(&buf[..n])?;
        total += n as u64;
    }
}
