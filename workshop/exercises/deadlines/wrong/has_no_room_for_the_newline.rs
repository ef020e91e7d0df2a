//! Reads at most max bytes, with the newline: a `take` that is used up looks like end of file.
//!
//! rejected by: accepts a line of max bytes
//! cause: from a `take` that is used up

use std::{
    io::{self, BufRead, BufReader, ErrorKind, Read},
    net::TcpStream,
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn read_line_within(stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    let reader = BufReader::with_capacity(1, Deadline::after(limit).on(stream));
    let mut line = Vec::new();
    reader.take(max as u64).read_until(b'\n', &mut line)?;
    if line.pop_if(|last| *last == b'\n').is_none() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    String::from_utf8(line).map_err(|_| ErrorKind::InvalidData.into())
}
