//! Reads the length as a number with a sign.
//!
//! rejected by: refuses a message of limit + 1 bytes
//! cause: it is -1

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
    let length = i32::from_be_bytes(length);
    if length > i32::try_from(limit).unwrap_or(i32::MAX) {
        return Err(ErrorKind::InvalidData.into());
    }
    let length = length as usize;
    let mut message = Vec::new();
    stream.take(length as u64).read_to_end(&mut message)?; // hangs here
    if message.len() < length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(message))
}
