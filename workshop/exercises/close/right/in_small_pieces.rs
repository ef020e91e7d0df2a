//! Small writes, a byte at a time read, and naps of 5 ms between looks at the clock.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

pub fn answer(mut stream: TcpStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    let begun = Instant::now();
    let nap = Duration::from_millis(5);
    stream.set_write_timeout(Some(nap))?;
    stream.set_read_timeout(Some(nap))?;
    let in_time = |error: io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::Interrupted if begun.elapsed() < limit => Ok(()),
        ErrorKind::WouldBlock | ErrorKind::Interrupted => Err(ErrorKind::TimedOut.into()),
        _ => Err(error),
    };
    let mut sent = 0;
    while sent < bytes.len() {
        if begun.elapsed() >= limit {
            return Err(ErrorKind::TimedOut.into());
        }
        let end = bytes.len().min(sent + 100);
        match stream.write(&bytes[sent..end]) {
            Ok(n) => sent += n,
            Err(error) => in_time(error)?,
        }
    }
    half_close(&stream)?;
    loop {
        if begun.elapsed() >= limit {
            return Err(ErrorKind::TimedOut.into());
        }
        match stream.read(&mut [0]) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) => in_time(error)?,
        }
    }
}

/// The FIN. After a reset `shutdown` reports NotConnected, and SO_ERROR what it was.
fn half_close(stream: &TcpStream) -> io::Result<()> {
    match stream.shutdown(Shutdown::Write) {
        Err(error) => Err(stream.take_error()?.unwrap_or(error)),
        ok => ok,
    }
}
