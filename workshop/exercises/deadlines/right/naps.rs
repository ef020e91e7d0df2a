//! Odd: a non-blocking socket that is asked every millisecond. It waits, though not for the event.

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

pub fn read_line_within(stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    stream.set_nonblocking(true)?;
    let line = read_line(stream, Instant::now() + limit, max);
    stream.set_nonblocking(false)?;
    String::from_utf8(line?).map_err(|_| ErrorKind::InvalidData.into())
}

fn read_line(mut stream: &TcpStream, deadline: Instant, max: usize) -> io::Result<Vec<u8>> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while Instant::now() < deadline {
        match stream.read(&mut byte) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) if byte == *b"\n" => return Ok(line),
            Ok(_) if line.len() == max => return Err(ErrorKind::FileTooLarge.into()),
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::TimedOut.into())
}
