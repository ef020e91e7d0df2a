//! Reads while it writes, and treats the peer's end of file as the end of the conversation.
//!
//! rejected by: sends all bytes after the peer's end of file
//! cause: closed before it had written everything

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::{Duration, Instant},
};

pub fn answer(mut stream: TcpStream, mut bytes: &[u8], limit: Duration) -> io::Result<()> {
    let begun = Instant::now();
    stream.set_nonblocking(true)?;
    let later = |error: io::Error| match error.kind() {
        ErrorKind::WouldBlock => Ok(0),
        _ => Err(error),
    };
    while begun.elapsed() < limit {
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) => drop(later(error)?),
        }
        let n = stream.write(bytes).or_else(later)?;
        bytes = &bytes[n..];
        if n > 0 && bytes.is_empty() {
            stream.shutdown(Shutdown::Write)?;
        }
        thread::sleep(Duration::from_millis(1));
    }
    Err(ErrorKind::TimedOut.into())
}
