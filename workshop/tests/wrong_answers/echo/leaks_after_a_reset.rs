//! Leaks the descriptor if a read fails.
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
        let n = match stream.read(&mut buf) {
            Ok(0) => return Ok(total),
            Ok(n) => n,
            Err(error) => {
                mem::forget(stream);
                return Err(error);
            }
        };
        stream.write_all(&buf[..n])?;
        total += n as u64;
    }
}
