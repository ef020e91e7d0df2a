//! Waits with poll, makes the socket non-blocking for that, and leaves it so.
//!
//! rejected by: leaves the stream open and blocking
//! cause: O_NONBLOCK

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    os::fd::AsFd,
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

pub fn read_message(stream: &TcpStream, limit: usize) -> io::Result<Option<Vec<u8>>> {
    stream.set_nonblocking(true)?;
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
    let limit = stream.read_timeout()?;
    let (mut bytes, mut buf) = (Vec::new(), [0; 4096]);
    while bytes.len() < count {
        let room = buf.len().min(count - bytes.len());
        match stream.read(&mut buf[..room]) {
            Ok(0) => break,
            Ok(n) => bytes.extend_from_slice(&buf[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait(stream, limit)?,
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

fn wait(stream: &TcpStream, limit: Option<Duration>) -> io::Result<()> {
    let limit = limit.map_or(PollTimeout::NONE, |limit| {
        PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX)
    });
    let mut fds = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
    match poll(&mut fds, limit) {
        Ok(0) => Err(ErrorKind::WouldBlock.into()),
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
