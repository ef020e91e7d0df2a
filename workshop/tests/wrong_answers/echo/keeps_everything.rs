//! Keeps thousands of times what it has read.
//!
//! rejected by: sends the rest after a partial write
//! cause: takes memory without limit

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut kept = Vec::new();
    let mut total = 0;
    let mut buf = [0; 64 << 10];
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            return Ok(total);
        }
        kept.push(vec![buf[0]; n * 4000]);
        total += n as u64;
        stream.write_all(&buf[..n])?;
    }
}
