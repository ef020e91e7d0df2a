//! Takes a read that does not fill the buffer for the end.
//!
//! rejected by: sends back a byte when it comes
//! cause: A read that brings less than was asked for is no end

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf)?;
        stream.write_all(&buf[..n])?;
        total += n as u64;
        if n < buf.len() {
            return Ok(total);
        }
    }
}
