//! Drops the bytes that have come after a signal.
//!
//! rejected by: continues after a signal
//! cause: did not keep what a read returned

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
};

pub fn read_message(stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    loop {
        match message(stream, limit) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            message => return message,
        }
    }
}

fn message(mut stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
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
    stream.take(length as u64).read_to_end(&mut message)?; // hangs here
    if message.len() < length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(message))
}
