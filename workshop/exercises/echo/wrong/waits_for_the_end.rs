//! Reads everything before it sends anything back: the client waits for the first answer.
//!
//! rejected by: answers before it waits for more
//! cause: `read_to_end` and `read_to_string` wait for the end of file

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
