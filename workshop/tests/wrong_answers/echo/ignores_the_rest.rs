//! Calls `write` once: under load it takes a part only, and the rest is lost.
//!
//! rejected by: sends the rest after a partial write
//! cause: `write` may take only a part, and returns how much

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = vec![0; 64 << 10];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            return Ok(total);
        }
        let _ = stream.write(&buf[..n])?;
        total += n as u64;
    }
}
