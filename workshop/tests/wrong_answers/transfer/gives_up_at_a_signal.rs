//! Returns EINTR to the caller.
//!
//! rejected by: continues after a signal
//! cause: A signal interrupted the call (EINTR)

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
};

pub fn read_message(mut stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    let mut n = 0;
    while n < 4 {
        match stream.read(&mut length[n..])? {
            0 if n == 0 => return Ok(None),
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            more => n += more,
        }
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
