//! Takes the end of file for data: `read` returns Ok(0) again and again.
//!
//! rejected by: ends at end of file
//! cause: `read` returned Ok(0): end of file. The loop took it for data

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    // spins here
    loop {
        let n = stream.read(&mut buf)?; // spins here
        stream.write_all(&buf[..n])?; // spins here
    }
}
