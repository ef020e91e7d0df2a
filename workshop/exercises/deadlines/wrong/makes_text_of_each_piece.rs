//! Converts each piece to text, although a character may come in two pieces.
//!
//! rejected by: joins a line that comes in pieces
//! cause: one of its characters came in two pieces

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    time::Duration,
};

use socket_workshop::deadline::Deadline;

pub fn read_line_within(stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    let mut stream = Deadline::after(limit).on(stream);
    let (mut line, mut buf) = (String::new(), vec![0; max + 1]);
    loop {
        let piece = match stream.read(&mut buf) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
            Ok(n) => std::str::from_utf8(&buf[..n]).map_err(|_| ErrorKind::InvalidData)?,
        };
        line += piece;
        if let Some((line, _)) = line.split_once('\n') {
            return Ok(line.to_owned());
        }
        if line.len() > max {
            return Err(ErrorKind::FileTooLarge.into());
        }
    }
}
