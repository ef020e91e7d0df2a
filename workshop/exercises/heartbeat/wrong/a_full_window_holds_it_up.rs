//! Writes a ping and waits for room.
//!
//! rejected by: counts a ping for which there is no room
//! cause: Your thread is blocked in the write of a ping

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use workshop::checks::heartbeat::Ended;

pub fn watch(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    stream.set_read_timeout(Some(interval))?;
    let mut unanswered = 0;
    let ended = loop {
        match stream.read(&mut [0; 512]) {
            Ok(0) => break Ok(Ended::Closed),
            Ok(_) => unanswered = 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if unanswered == misses {
                    break Ok(Ended::Silent);
                }
                // hangs here
                if let Err(error) = stream.write_all(b"ping\n") {
                    break Err(error);
                }
                unanswered += 1;
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
                ) =>
            {
                break Ok(Ended::Reset);
            }
            Err(error) => break Err(error),
        }
    };
    stream.set_read_timeout(None)?;
    ended
}
