//! Closes with a reset, which may discard bytes that the client has not read yet.
//!
//! rejected by: echoes what arrived before end of file
//! cause: resets the connection instead of closing it

use socket2::SockRef;
use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            return Ok(total);
        }
        stream.write_all(&buf[..n])?;
        total += n as u64;
    }
}
