//! Shuts the connection down, and never closes the descriptor.
//!
//! rejected by: closes the descriptor at end of file
//! cause: `shutdown` leaves it open

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
