//! Treats the bytes of one read as a line.
//!
//! rejected by: joins a line that comes in pieces
//! cause: it treats the bytes of one read as a line

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn read_line_within(stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    let mut buf = vec![0; max + 1];
    let n = match Deadline::after(limit).on(stream).read(&mut buf)? {
        0 => return Err(ErrorKind::UnexpectedEof.into()),
        n => n,
    };
    let line = buf[..n].strip_suffix(b"\n").unwrap_or(&buf[..n]);
    if line.len() > max {
        return Err(ErrorKind::FileTooLarge.into());
    }
    String::from_utf8(line.to_vec()).map_err(|_| ErrorKind::InvalidData.into())
}
