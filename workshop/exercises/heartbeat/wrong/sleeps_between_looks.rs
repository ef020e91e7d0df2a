//! Sleeps for an interval, then looks at what has arrived.
//!
//! rejected by: returns Closed at end of file
//! cause: Your code sleeps and then looks

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use workshop::checks::heartbeat::Ended;

pub fn watch(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    stream.set_nonblocking(true)?;
    let mut unanswered = 0;
    let ended = loop {
        thread::sleep(interval); // waits here
        match stream.read(&mut [0; 64 << 10]) {
            Ok(0) => break Ended::Closed,
            Ok(_) => unanswered = 0,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break Ended::Reset,
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Err(_) if unanswered == misses => break Ended::Silent,
            Err(_) => {
                match stream.write(b"ping\n") {
                    Err(error) if error.kind() != ErrorKind::WouldBlock => break Ended::Reset,
                    _ => {}
                }
                unanswered += 1;
            }
        }
    };
    stream.set_nonblocking(false)?;
    Ok(ended)
}
