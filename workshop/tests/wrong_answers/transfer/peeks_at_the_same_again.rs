//! Peeks again and again until 4 bytes are there.
//!
//! rejected by: waits in the kernel
//! cause: There are bytes in Recv-Q

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
};

pub fn read_message(mut stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    let mut before = 0;
    // spins here
    loop {
        // spins here
        match stream.peek(&mut length)? {
            0 if before == 0 => return Ok(None),
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            4 => break,
            n => before = n, // spins here
        }
    }
    stream.read_exact(&mut length)?;
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
