//! Writes the whole buffer after a read that has filled only a part of it.
//!
//! rejected by: echoes only what the last read returned
//! cause: your code writes the whole buffer

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 64];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            return Ok(total);
        }
        stream.write_all(&buf)?;
        total += n as u64;
    }
}
