//! Shuts down in the end and propagates the error, which a client that has gone causes.
//!
//! rejected by: returns at end of file
//! cause: If a `shutdown` failed

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            stream.shutdown(Shutdown::Write)?;
            stream.shutdown(Shutdown::Both)?;
            return Ok(total);
        }
        stream.write_all(&buf[..n])?;
        total += n as u64;
    }
}
