//! Takes a read that times out for a dead peer, and never asks.
//!
//! rejected by: pings after an interval of silence
//! cause: That nothing comes for an interval

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    time::Duration,
};

use workshop::checks::heartbeat::Ended;

pub fn watch(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    stream.set_read_timeout(Some(interval * misses))?;
    loop {
        match stream.read(&mut [0; 512]) {
            Ok(0) => return Ok(Ended::Closed),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Ended::Silent),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Ended::Reset),
            Err(error) => return Err(error),
        }
    }
}
