//! Returns TimedOut for a timeout of the caller's.
//!
//! rejected by: returns the error of a timeout
//! cause: but with another kind of error

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
};

pub fn read_message(stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
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
    let (mut bytes, mut buf) = (Vec::new(), [0; 4096]);
    while bytes.len() < count {
        let room = buf.len().min(count - bytes.len());
        match stream.read(&mut buf[..room]) {
            Ok(0) => break,
            Ok(n) => bytes.extend_from_slice(&buf[..n]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}
