//! Treats the bytes of one read as one message.
//!
//! rejected by: leaves the next message in the socket
//! cause: took more bytes from the socket

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
};

pub fn read_message(mut stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut buf = [0; 64 << 10];
    let n = stream.read(&mut buf)?;
    if n == 0 {
        return Ok(None);
    }
    if n < 4 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let length = u32::from_be_bytes([buf[0], buf[1], buf[2], buf[3]]) as usize;
    if length > limit {
        return Err(ErrorKind::InvalidData.into());
    }
    if n < 4 + length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(buf[4..4 + length].to_vec()))
}
