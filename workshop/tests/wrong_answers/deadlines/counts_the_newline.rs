//! Counts the newline as one of the line's bytes.
//!
//! rejected by: accepts a line of max bytes
//! cause: Only the bytes before the newline count

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    time::{Duration, Instant},
};

pub fn read_line_within(mut stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    let deadline = Instant::now() + limit;
    let (mut line, mut byte) = (Vec::new(), [0]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut byte) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) if line.len() + 1 == max || max == 0 => {
                return Err(ErrorKind::FileTooLarge.into());
            }
            Ok(_) if byte == *b"\n" => break,
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    String::from_utf8(line).map_err(|_| ErrorKind::InvalidData.into())
}
