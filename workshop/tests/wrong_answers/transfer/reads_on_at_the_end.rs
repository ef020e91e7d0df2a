//! Reads on at end of file.
//!
//! rejected by: returns UnexpectedEof within a message
//! cause: At end of file `read` returns Ok(0)

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
};

pub fn read_message(mut stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut length = Vec::new();
    stream.take(4).read_to_end(&mut length)?;
    if length.is_empty() {
        return Ok(None);
    }
    let length = length.try_into().map_err(|_| ErrorKind::UnexpectedEof)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > limit {
        return Err(ErrorKind::InvalidData.into());
    }
    let (mut message, mut buf) = (Vec::new(), [0; 4096]);
    // spins here
    while message.len() < length {
        let room = buf.len().min(length - message.len()); // spins here
        let n = stream.read(&mut buf[..room])?; // spins here
        message.extend_from_slice(&buf[..n]); // spins here
    }
    Ok(Some(message))
}
