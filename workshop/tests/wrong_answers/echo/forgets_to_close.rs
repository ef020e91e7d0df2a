//! Never closes a clone of the socket.
//!
//! rejected by: closes the descriptor at end of file
//! cause: look for a clone (`try_clone`)

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    std::mem::forget(stream.try_clone()?);
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
