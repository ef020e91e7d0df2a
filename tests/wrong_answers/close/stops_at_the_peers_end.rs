//! Reads while it writes, and takes the peer's end of file for the end of the conversation.
//!
//! rejected by: all of it arrives where the peer's end of file came first
//! cause: The end came before all was written

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

pub fn answer(mut stream: TcpStream, mut bytes: &[u8], limit: Duration) -> io::Result<()> {
    let begun = Instant::now();
    stream.set_read_timeout(Some(Duration::from_millis(1)))?;
    stream.set_write_timeout(Some(Duration::from_millis(1)))?;
    let in_time = |error: io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::Interrupted if begun.elapsed() < limit => Ok(0),
        ErrorKind::WouldBlock | ErrorKind::Interrupted => Err(ErrorKind::TimedOut.into()),
        _ => Err(error),
    };
    loop {
        if begun.elapsed() >= limit {
            return Err(ErrorKind::TimedOut.into());
        }
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) => drop(in_time(error)?),
        }
        let n = stream.write(bytes).or_else(in_time)?;
        let all = n == bytes.len() && n > 0;
        bytes = &bytes[n..];
        if all {
            stream.shutdown(Shutdown::Write)?;
        }
    }
}
