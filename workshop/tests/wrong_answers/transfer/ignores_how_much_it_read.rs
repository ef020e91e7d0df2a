//! Uses the 4 bytes of a buffer as the length, however many a read has put there.
//!
//! rejected by: joins a message that comes in pieces
//! cause: no length of zero was sent

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
};

pub fn read_message(mut stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    if stream.read(&mut length)? == 0 {
        return Ok(None);
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > limit {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut message = Vec::new();
    stream.take(length as u64).read_to_end(&mut message)?;
    if message.len() < length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(message))
}
