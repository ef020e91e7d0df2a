//! Reads through a BufReader of its own: what it has read ahead is lost with it.
//!
//! rejected by: leaves the next line in the socket
//! cause: That is what a BufReader does

use std::{
    io::{self, BufRead, BufReader, ErrorKind, Read},
    net::TcpStream,
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn read_line_within(stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    let reader = BufReader::new(Deadline::after(limit).on(stream));
    let mut line = Vec::new();
    reader.take(max as u64 + 1).read_until(b'\n', &mut line)?;
    if line.pop_if(|last| *last == b'\n').is_none() {
        return Err(match line.len() > max {
            true => ErrorKind::FileTooLarge.into(),
            false => ErrorKind::UnexpectedEof.into(),
        });
    }
    String::from_utf8(line).map_err(|_| ErrorKind::InvalidData.into())
}
