//! Sends first and compares the count afterwards.
//!
//! rejected by: returns Silent after the last unanswered ping
//! cause: one ping too many

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
                stream.set_nonblocking(true)?;
                let sent = stream.write(b"ping\n");
                stream.set_nonblocking(false)?;
                if let Err(error) = sent
                    && error.kind() != ErrorKind::WouldBlock
                {
                    break Err(error);
                }
                if unanswered == misses {
                    break Ok(Ended::Silent);
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
