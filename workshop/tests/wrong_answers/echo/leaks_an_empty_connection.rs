//! Leaks the descriptor if the client sends nothing before end of file.
//!
//! rejected by: closes the descriptor at end of file
//! cause: look for a clone (`try_clone`)

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
        if n == 0 && total == 0 {
            mem::forget(stream);
            return Ok(0);
        }
        if n == 0 {
            return Ok(total);
        }
        stream.write_all(&buf[..n])?;
        total += n as u64;
    }
}
