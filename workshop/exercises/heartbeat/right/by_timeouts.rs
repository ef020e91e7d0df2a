//! With timeouts alone, which std has, a byte at a time; the ping may wait a moment for room.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use workshop::checks::heartbeat::Ended;

pub fn watch(stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    stream.set_write_timeout(Some(Duration::from_millis(1)))?;
    let ended = ended(stream, interval, misses);
    stream.set_write_timeout(None)?;
    stream.set_read_timeout(None)?;
    match ended {
        Err(error) => match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Ok(Ended::Reset),
            _ => Err(error),
        },
        ended => ended,
    }
}

fn ended(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    let (mut since, mut unanswered) = (Instant::now(), 0);
    loop {
        let left = interval.saturating_sub(since.elapsed());
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        match stream.read(&mut [0]) {
            Ok(0) => return Ok(Ended::Closed),
            Ok(_) => (since, unanswered) = (Instant::now(), 0),
            Err(error) if !is_timeout(&error) => return Err(error),
            Err(_) if since.elapsed() < interval => {}
            Err(_) if unanswered == misses => return Ok(Ended::Silent),
            Err(_) => {
                match stream.write_all(b"ping\n") {
                    Err(error) if !is_timeout(&error) => return Err(error),
                    _ => {}
                }
                (since, unanswered) = (Instant::now(), unanswered + 1);
            }
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
