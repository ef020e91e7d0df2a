//! Returns a reset as the error that it is.
//!
//! rejected by: returns Reset when the peer closes with a ping unread
//! cause: returned the reset as an error

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
                stream.set_nonblocking(true)?;
                let sent = stream.write(b"ping\n");
                stream.set_nonblocking(false)?;
                if let Err(error) = sent
                    && error.kind() != ErrorKind::WouldBlock
                {
                    break Err(error);
                }
                unanswered += 1;
            }
            Err(error) => break Err(error),
        }
    };
    stream.set_read_timeout(None)?;
    ended
}
