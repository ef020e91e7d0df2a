//! Echoes 512 KiB at most.
//!
//! rejected by: echoes more than a mebibyte
//! cause: your code stops after a number of bytes

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(stream: TcpStream) -> io::Result<u64> {
    let mut limited = (&stream).take(512 << 10);
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let n = limited.read(&mut buf)?;
        if n == 0 {
            return Ok(total);
        }
        (&stream).write_all(&buf[..n])?;
        total += n as u64;
    }
}
