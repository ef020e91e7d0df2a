//! Returns Closed for every error.
//!
//! rejected by: returns Reset after a reset
//! cause: Your code treats the reset as end of file

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
            Err(_) => break Ok(Ended::Closed),
        }
    };
    stream.set_read_timeout(None)?;
    ended
}
