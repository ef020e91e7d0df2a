//! Reads a non-blocking socket again and again.
//!
//! rejected by: does not spin while it waits
//! cause: looks again and again

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use workshop::checks::heartbeat::Ended;

pub fn watch(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    stream.set_nonblocking(true)?;
    let (mut since, mut unanswered) = (Instant::now(), 0);
    // spins here
    let ended = loop {
        // spins here
        match stream.read(&mut [0; 512]) {
            Ok(0) => break Ended::Closed,
            Ok(_) => (since, unanswered) = (Instant::now(), 0),
            // spins here
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break Ended::Reset,
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error), // spins here
            Err(_) if since.elapsed() < interval => {}                                // spins here
            Err(_) if unanswered == misses => break Ended::Silent,
            Err(_) => {
                match stream.write(b"ping\n") {
                    Err(error) if error.kind() != ErrorKind::WouldBlock => break Ended::Reset,
                    _ => {}
                }
                (since, unanswered) = (Instant::now(), unanswered + 1);
            }
        }
    };
    stream.set_nonblocking(false)?;
    Ok(ended)
}
