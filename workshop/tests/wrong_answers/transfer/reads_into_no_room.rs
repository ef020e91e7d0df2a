//! Reads before it compares how much is missing: for an empty message into an empty buffer.
//!
//! rejected by: returns an empty message for a length of zero
//! cause: even into an empty buffer

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
    loop {
        let room = buf.len().min(length - message.len());
        // hangs here
        match stream.read(&mut buf[..room])? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => message.extend_from_slice(&buf[..n]),
        }
        if message.len() == length {
            return Ok(Some(message));
        }
    }
}
