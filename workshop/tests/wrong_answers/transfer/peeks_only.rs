//! Peeks at the message and does not take it.
//!
//! rejected by: leaves the next message in the socket
//! cause: `peek` takes nothing

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
};

pub fn read_message(stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut buf = [0; 64 << 10];
    let n = stream.peek(&mut buf)?;
    if n == 0 {
        return Ok(None);
    }
    let mut bytes = &buf[..n];
    let mut length = [0; 4];
    bytes.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > limit {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut message = vec![0; length];
    bytes.read_exact(&mut message)?;
    Ok(Some(message))
}
