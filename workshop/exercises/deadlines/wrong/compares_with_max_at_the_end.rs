//! Compares the length with max when the whole line has come.
//!
//! rejected by: refuses a long line before its newline comes
//! cause: only when the newline comes, a client

use std::{
    io::{self, BufRead, BufReader, ErrorKind},
    net::TcpStream,
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn read_line_within(stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    let mut reader = BufReader::with_capacity(1, Deadline::after(limit).on(stream));
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?; // hangs here
    if line.pop_if(|last| *last == b'\n').is_none() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    if line.len() > max {
        return Err(ErrorKind::FileTooLarge.into());
    }
    String::from_utf8(line).map_err(|_| ErrorKind::InvalidData.into())
}
