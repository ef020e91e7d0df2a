//! Reads once, answers, and returns.
//!
//! rejected by: echoes each message before it waits for more
//! cause: only Ok(0) is

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 1024];
    let n = stream.read(&mut buf)?;
    stream.write_all(&buf[..n])?;
    Ok(n as u64)
}
