//! Writes and reads seven bytes at a time.

use std::{
    io::{self, ErrorKind::*, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

pub fn answer(mut stream: TcpStream, mut bytes: &[u8], limit: Duration) -> io::Result<()> {
    let deadline = Instant::now() + limit;
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(left(deadline)?))?;
        let n = again(stream.write(&bytes[..bytes.len().min(7)]))?;
        bytes = &bytes[n.unwrap_or(0)..];
    }
    if let Err(error) = stream.shutdown(Shutdown::Write) {
        return Err(stream.take_error()?.unwrap_or(error));
    }
    loop {
        stream.set_read_timeout(Some(left(deadline)?))?;
        let n = again(stream.read(&mut [0; 7]))?;
        if n == Some(0) {
            return Ok(());
        }
    }
}

fn left(deadline: Instant) -> io::Result<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(TimedOut.into()),
        left => Ok(left),
    }
}

fn again(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Err(error) if matches!(error.kind(), WouldBlock | Interrupted) => Ok(None),
        result => result.map(Some),
    }
}
