//! Returns the first max bytes of a longer line.
//!
//! rejected by: refuses a line of max + 1 bytes
//! cause: The client did not send that line

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
            Ok(_) if byte == *b"\n" => break,
            Ok(_) if line.len() == max => break,
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    String::from_utf8(line).map_err(|_| ErrorKind::InvalidData.into())
}
