//! A byte for each read: slow, and right.

use std::{
    io::{
        self,
        ErrorKind::{Interrupted, InvalidData, UnexpectedEof},
        Read,
    },
    net::TcpStream,
};

pub fn read_message(stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut length: usize = 0;
    for at in 0..4 {
        match byte(stream)? {
            Some(byte) => length = length << 8 | usize::from(byte),
            None if at == 0 => return Ok(None),
            None => return Err(UnexpectedEof.into()),
        }
    }
    if length > limit {
        return Err(InvalidData.into());
    }
    let mut message = Vec::new();
    while message.len() < length {
        message.push(byte(stream)?.ok_or(UnexpectedEof)?);
    }
    Ok(Some(message))
}

fn byte(mut stream: &TcpStream) -> io::Result<Option<u8>> {
    let mut byte = [0];
    loop {
        match stream.read(&mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(byte[0])),
            Err(error) if error.kind() == Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
