//! Relies on SO_KEEPALIVE, which asks the peer's kernel and not the peer.
//!
//! rejected by: sends a ping after an interval of silence
//! cause: relies on SO_KEEPALIVE

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use workshop::checks::heartbeat::Ended;

pub fn watch(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    let second = Duration::from_secs(1); // the kernel counts in seconds
    let probes = TcpKeepalive::new()
        .with_time(interval.max(second))
        .with_interval(interval.max(second))
        .with_retries(misses);
    SockRef::from(stream).set_tcp_keepalive(&probes)?;
    loop {
        // waits here
        match stream.read(&mut [0; 512]) {
            Ok(0) => return Ok(Ended::Closed),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(Ended::Silent),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Ended::Reset),
            Err(error) => return Err(error),
        }
    }
}
