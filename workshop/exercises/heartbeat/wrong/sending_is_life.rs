//! Lets its own pings reset the deadline.
//!
//! rejected by: returns Silent after the last unanswered ping
//! cause: Only bytes that `read` returns

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use workshop::checks::heartbeat::Ended;

pub fn watch(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    stream.set_read_timeout(Some(interval))?;
    let mut active = Instant::now();
    while active.elapsed() < interval * (misses + 1) {
        match stream.read(&mut [0; 512]) {
            Ok(0) => return Ok(Ended::Closed),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => stream.write_all(b"ping\n")?,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Ended::Reset),
            Err(error) => return Err(error),
        }
        active = Instant::now();
    }
    Ok(Ended::Silent)
}
