//! Reads again at end of file, where `read` returns Ok(0) every time.
//!
//! rejected by: returns at end of file
//! cause: Your loop treats that as "no data yet" and reads again

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
