//! Counts in a u16, which wraps at 65536.
//!
//! rejected by: returns the number of bytes
//! cause: a u16 has overflowed

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    let mut total = 0_u16;
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            return Ok(total.into());
        }
        stream.write_all(&buf[..n])?;
        total = total.wrapping_add(n as u16);
    }
}
