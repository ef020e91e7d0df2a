//! Reads on while reads fill the buffer: a message of exactly 4096 bytes is not answered.
//!
//! rejected by: echoes a message that fills a buffer
//! cause: as if more had to follow a read that fills the buffer

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 4096];
    let mut total = 0;
    loop {
        let mut message = Vec::new();
        loop {
            let n = stream.read(&mut buf)?; // hangs here
            message.extend_from_slice(&buf[..n]);
            if n < buf.len() {
                break;
            }
        }
        if message.is_empty() {
            return Ok(total);
        }
        stream.write_all(&message)?;
        total += message.len() as u64;
    }
}
