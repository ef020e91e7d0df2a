//! Returns an error after a reset, but another one: its caller cannot see that it was a reset.
//!
//! rejected by: returns the error of a reset
//! cause: Your code replaces the error

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let n = stream
            .read(&mut buf)
            .map_err(|_| io::Error::other("read failed"))?;
        if n == 0 {
            return Ok(total);
        }
        stream.write_all(&buf[..n])?;
        total += n as u64;
    }
}
