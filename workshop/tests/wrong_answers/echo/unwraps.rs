//! Panics when the client resets the connection.
//!
//! rejected by: returns the error of a reset
//! cause: `expect` turn it into a panic

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf).unwrap(); // panics here
        if n == 0 {
            return Ok(total);
        }
        stream.write_all(&buf[..n]).unwrap();
        total += n as u64;
    }
}
