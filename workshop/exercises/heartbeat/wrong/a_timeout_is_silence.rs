//! Returns Silent when a read times out, and never sends a ping.
//!
//! rejected by: sends a ping after an interval of silence
//! cause: returned Silent without sending a ping

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
