//! Makes a BufReader in each call: the bytes it has read ahead are lost when the call returns.
//!
//! rejected by: leaves the next line in the socket
//! cause: A BufReader reads ahead like this

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
