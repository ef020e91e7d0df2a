//! Sets the whole limit before each read, and reads again after each timeout.
//!
//! rejected by: times out in silence
//! cause: The socket's read timeout (SO_RCVTIMEO) is

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    time::Duration,
};

pub fn read_line_within(mut stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    stream.set_read_timeout(Some(limit))?;
    let (mut line, mut byte) = (Vec::new(), [0]);
    loop {
        // waits here
        match stream.read(&mut byte) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) if byte == *b"\n" => break,
            Ok(_) if line.len() == max => return Err(ErrorKind::FileTooLarge.into()),
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    String::from_utf8(line).map_err(|_| ErrorKind::InvalidData.into())
}
