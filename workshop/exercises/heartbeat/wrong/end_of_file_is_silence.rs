//! Treats Ok(0) as "nothing has arrived".
//!
//! rejected by: returns Closed at end of file
//! cause: treats end of file as silence

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
            Ok(0) => break Ok(Ended::Silent),
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
