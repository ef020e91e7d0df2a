//! Ends the connection, and keeps its descriptor.
//!
//! rejected by: closes the connection
//! cause: leaves the descriptor open

use std::{
    io::{self, Read, Write},
    mem,
    net::{Shutdown, TcpStream},
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            stream.shutdown(Shutdown::Both)?;
            mem::forget(stream);
            return Ok(total);
        }
        stream.write_all(&buf[..n])?;
        total += n as u64;
    }
}
