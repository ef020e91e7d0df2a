//! One function for both parts, with a buffer of seven bytes, into a queue.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read},
    net::TcpStream,
};

pub fn read_message(stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut come = VecDeque::new();
    if read_until(stream, &mut come, 4)? == 0 {
        return Ok(None);
    }
    let length = (come.make_contiguous().try_into()).map_err(|_| ErrorKind::UnexpectedEof)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap();
    if limit < length {
        return Err(ErrorKind::InvalidData.into());
    }
    come.clear();
    if read_until(stream, &mut come, length)? < length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(come.into()))
}

fn read_until(mut stream: &TcpStream, come: &mut VecDeque<u8>, goal: usize) -> io::Result<usize> {
    let mut buf = [0; 7]; // an odd number, on purpose
    while come.len() < goal {
        let room = buf.len().min(goal - come.len());
        match stream.read(&mut buf[..room]) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
            Ok(0) => break,
            Ok(n) => come.extend(&buf[..n]),
        }
    }
    Ok(come.len())
}
