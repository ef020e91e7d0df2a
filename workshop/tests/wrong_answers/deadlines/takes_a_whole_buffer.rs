//! Peeks with a large buffer, and takes all of it before it compares the length with max.
//!
//! rejected by: takes at most max + 1 bytes
//! cause: Byte 17 shows that the line is too long

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    time::{Duration, Instant},
};

pub fn read_line_within(mut stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    let deadline = Instant::now() + limit;
    let (mut line, mut buf) = (Vec::new(), [0; 4096]);
    while line.last() != Some(&b'\n') {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let n = match stream.peek(&mut buf) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let newline = buf[..n].iter().position(|byte| *byte == b'\n');
        let ours = newline.map_or(n, |at| at + 1);
        stream.read_exact(&mut buf[..ours])?;
        line.extend(&buf[..ours]);
        if newline.unwrap_or(line.len()) > max {
            return Err(ErrorKind::FileTooLarge.into());
        }
    }
    line.pop();
    String::from_utf8(line).map_err(|_| ErrorKind::InvalidData.into())
}
