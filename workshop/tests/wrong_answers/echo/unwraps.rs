//! Panics when the client resets the connection, as clients do.
//!
//! rejected by: takes a reset for an error
//! cause: an `unwrap` makes a panic of it

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
