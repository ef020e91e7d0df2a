//! Each read has two buffers, of what is missing and no more (readv(2)).

use std::{
    io::{self, ErrorKind, IoSliceMut, Read},
    net::TcpStream,
};

pub fn read_message(stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut length = Vec::new();
    read_until(stream, &mut length, 4)?;
    let length: [u8; 4] = match length.len() {
        0 => return Ok(None),
        _ => length.try_into().map_err(|_| ErrorKind::UnexpectedEof)?,
    };
    let length = u32::from_be_bytes(length) as usize;
    if length > limit {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut message = Vec::new();
    read_until(stream, &mut message, length)?;
    if message.len() < length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(message))
}

fn read_until(mut stream: &TcpStream, bytes: &mut Vec<u8>, goal: usize) -> io::Result<()> {
    let mut buf = [0; 8192];
    while bytes.len() < goal {
        let room = buf.len().min(goal - bytes.len());
        let (first, second) = buf[..room].split_at_mut(room / 2);
        let mut parts = [IoSliceMut::new(first), IoSliceMut::new(second)];
        match stream.read_vectored(&mut parts) {
            Ok(0) => return Ok(()),
            Ok(n) => bytes.extend(&buf[..n]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
