//! Peeks until the newline is there and takes nothing before it: the next peek shows the same bytes.
//!
//! rejected by: waits in the kernel
//! cause: There are bytes in Recv-Q, so `peek`

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    time::{Duration, Instant},
};

pub fn read_line_within(mut stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    let deadline = Instant::now() + limit;
    let mut buf = vec![0; max + 1];
    // spins here
    let newline = loop {
        let left = deadline.saturating_duration_since(Instant::now()); // spins here
        // spins here
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?; // spins here
        // spins here
        let n = match stream.peek(&mut buf) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => n, // spins here
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        // spins here
        if let Some(newline) = buf[..n].iter().position(|byte| *byte == b'\n') {
            break newline;
        }
        // spins here
        if n > max {
            return Err(ErrorKind::FileTooLarge.into());
        }
    };
    stream.read_exact(&mut buf[..=newline])?;
    buf.truncate(newline);
    String::from_utf8(buf).map_err(|_| ErrorKind::InvalidData.into())
}
