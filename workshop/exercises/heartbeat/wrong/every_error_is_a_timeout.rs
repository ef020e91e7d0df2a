//! Treats every error as a timeout. A reset is reported once, and Ok(0) comes after it.
//!
//! rejected by: returns Reset after a reset
//! cause: an error that is ignored

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

use workshop::checks::heartbeat::Ended;

pub fn watch(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    stream.set_read_timeout(Some(interval))?;
    stream.set_write_timeout(Some(interval / 10))?;
    let mut unanswered = 0;
    let ended = loop {
        match stream.read(&mut [0; 512]) {
            Ok(0) => break Ended::Closed,
            Ok(_) => unanswered = 0,
            Err(_) if unanswered == misses => break Ended::Silent,
            Err(_) => {
                let _ = stream.write_all(b"ping\n");
                unanswered += 1;
            }
        }
    };
    stream.set_read_timeout(None)?;
    stream.set_write_timeout(None)?;
    Ok(ended)
}
