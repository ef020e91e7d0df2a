//! Looks for bytes and for errors; Ok(0) is neither, and it reads again.
//!
//! rejected by: returns Closed at end of file
//! cause: At end of file `read` returns Ok(0)

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use workshop::checks::heartbeat::Ended;

pub fn watch(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    stream.set_read_timeout(Some(interval))?;
    let mut unanswered = 0;
    // spins here
    let ended = loop {
        // spins here
        match stream.read(&mut [0; 512]) {
            Ok(_) => unanswered = 0, // spins here
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
