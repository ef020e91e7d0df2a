//! Leaks the descriptor if the connection is reset during a write.
//!
//! rejected by: closes the descriptor after a reset
//! cause: a descriptor of the connection is still open

use std::{
    io::{self, Read, Write},
    mem,
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            return Ok(total);
        }
        if let Err(error) = stream.write_all(&buf[..n]) {
            mem::forget(stream);
            return Err(error);
        }
        total += n as u64;
    }
}
