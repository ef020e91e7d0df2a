//! Reads on another thread, which goes on reading after a timeout.
//!
//! rejected by: reads on after a timeout
//! cause: a thread that the first call started has read it

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    sync::mpsc,
    thread,
    time::Duration,
};

pub fn read_message(stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let (message_of, message) = mpsc::channel();
    let limit_of_time = stream.read_timeout()?.unwrap_or(Duration::from_secs(3600));
    let stream = stream.try_clone()?;
    thread::spawn(move || message_of.send(read(&stream, limit)));
    message
        .recv_timeout(limit_of_time)
        .unwrap_or(Err(ErrorKind::WouldBlock.into()))
}

fn read(stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
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
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}
