//! Sends a ping at every interval, although the peer keeps sending.
//!
//! rejected by: sends no ping while the peer keeps sending
//! cause: although the peer keeps sending

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use workshop::checks::heartbeat::Ended;

pub fn watch(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    let (mut due, mut unanswered) = (Instant::now() + interval, 0);
    loop {
        let left = due.saturating_duration_since(Instant::now());
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        match stream.read(&mut [0; 512]) {
            Ok(0) => return Ok(Ended::Closed),
            Ok(_) => unanswered = 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Ended::Reset),
            Err(error) => return Err(error),
        }
        if Instant::now() >= due {
            if unanswered == misses {
                return Ok(Ended::Silent);
            }
            stream.write_all(b"ping\n")?;
            unanswered += 1;
            due += interval;
        }
    }
}
