//! A vector that grows by a chunk before each read, and is cut to what the read has brought.

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
};

const CHUNK: usize = 64 << 10;

pub fn read_message(mut stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    // The first byte alone: only there end of file is not an error.
    loop {
        match stream.read(&mut length[..1]) {
            Ok(0) => return Ok(None),
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    stream.read_exact(&mut length[1..])?;
    let length = u32::from_be_bytes(length);
    if u64::from(length) > limit as u64 {
        let what = format!("{length} bytes, where {limit} are the limit");
        return Err(io::Error::new(ErrorKind::InvalidData, what));
    }
    let mut message = Vec::new();
    while message.len() < length as usize {
        let have = message.len();
        let more = CHUNK.min(length as usize - have);
        message.resize(have + more, 0);
        stream.read_exact(&mut message[have..])?;
    }
    Ok(Some(message))
}
