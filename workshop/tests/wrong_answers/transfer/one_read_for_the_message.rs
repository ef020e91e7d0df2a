//! Reads the message with one read.
//!
//! rejected by: joins a message that comes in pieces
//! cause: ends with zeros that the peer did not send

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
    let mut message = vec![0; length];
    if stream.read(&mut message)? == 0 && length > 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(message))
}
