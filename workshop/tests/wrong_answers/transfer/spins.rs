//! Asks a non-blocking socket again and again.
//!
//! rejected by: waits in the kernel
//! cause: runs again and again without waiting

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
};

pub fn read_message(stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    stream.set_nonblocking(true)?;
    let message = message(stream, limit);
    stream.set_nonblocking(false)?;
    message
}

fn message(stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let length = bytes(stream, 4)?;
    if length.is_empty() {
        return Ok(None);
    }
    let length = length.try_into().map_err(|_| ErrorKind::UnexpectedEof)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > limit {
        return Err(ErrorKind::InvalidData.into());
    }
    let message = bytes(stream, length)?;
    if message.len() < length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(message))
}

fn bytes(mut stream: &TcpStream, count: usize) -> io::Result<Vec<u8>> {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    // spins here
    while bytes.len() < count {
        // spins here
        match stream.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => bytes.push(byte[0]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {} // spins here
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}
