//! Refuses a message of limit bytes.
//!
//! rejected by: accepts a message of limit bytes
//! cause: it is allowed

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
};

pub fn read_message(stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut length = Vec::new();
    stream.take(4).read_to_end(&mut length)?;
    if length.is_empty() {
        return Ok(None);
    }
    let length = length.try_into().map_err(|_| ErrorKind::UnexpectedEof)?;
    let length = u32::from_be_bytes(length) as usize;
    if length >= limit {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut message = Vec::new();
    stream.take(length as u64).read_to_end(&mut message)?;
    if message.len() < length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(message))
}
