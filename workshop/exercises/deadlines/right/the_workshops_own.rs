//! With the workshop's deadline, and a reader whose buffer holds a byte: it reads nothing ahead.

use std::{
    io::{self, BufRead, BufReader, ErrorKind, Read},
    net::TcpStream,
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn read_line_within(stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    let reader = BufReader::with_capacity(1, Deadline::after(limit).on(stream));
    let mut line = Vec::new();
    reader
        .take((max as u64).saturating_add(1))
        .read_until(b'\n', &mut line)?; // goes on after EINTR
    match line.pop() {
        Some(b'\n') => {
            String::from_utf8(line).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
        }
        Some(_) if line.len() == max => Err(ErrorKind::FileTooLarge.into()),
        _ => Err(ErrorKind::UnexpectedEof.into()),
    }
}
