//! Makes room for the message before it looks at the limit.
//!
//! rejected by: allocates nothing for a message that it refuses
//! cause: compares the length with the limit after

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
    let mut message = Vec::with_capacity(length);
    if length > limit {
        return Err(ErrorKind::InvalidData.into());
    }
    stream.take(length as u64).read_to_end(&mut message)?;
    if message.len() < length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(message))
}
