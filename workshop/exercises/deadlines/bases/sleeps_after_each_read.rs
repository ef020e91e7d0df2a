//! Slow: sleeps 20 ms after each read that brought a part of the line.

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

pub fn read_line_within(mut stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    let deadline = Instant::now() + limit;
    let (mut line, mut buf) = (Vec::new(), [0; 2048]);
    while line.len() <= max {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let room = buf.len().min((max - line.len()).saturating_add(1));
        let n = match stream.peek(&mut buf[..room]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let newline = buf[..n].iter().position(|byte| *byte == b'\n');
        stream.read_exact(&mut buf[..newline.map_or(n, |at| at + 1)])?;
        line.extend_from_slice(&buf[..newline.unwrap_or(n)]);
        if newline.is_some() {
            return String::from_utf8(line).map_err(|_| ErrorKind::InvalidData.into());
        }
        thread::sleep(Duration::from_millis(20)); // its length is the subject: a slow answer
    }
    Err(ErrorKind::FileTooLarge.into())
}
