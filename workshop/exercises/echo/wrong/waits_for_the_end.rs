//! Reads to end of file before it sends anything back.
//!
//! rejected by: echoes each message before it waits for more
//! cause: `read_to_end` and `read_to_string` wait for end of file

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all)?; // hangs here
    stream.write_all(&all)?;
    Ok(all.len() as u64)
}
