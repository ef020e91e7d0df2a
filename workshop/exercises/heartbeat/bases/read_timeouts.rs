//! Waits in a read with a timeout: the time that is left of the interval.

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    time::{Duration, Instant},
};

use nix::libc::MSG_DONTWAIT;
use socket2::SockRef;
use workshop::checks::heartbeat::Ended;

pub fn watch(stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    let before = stream.read_timeout()?;
    let ended = ended(stream, interval, misses);
    stream.set_read_timeout(before)?;
    match ended {
        Err(error) => match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Ok(Ended::Reset),
            _ => Err(error),
        },
        ended => ended,
    }
}

fn ended(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    let (mut since, mut unanswered) = (Instant::now(), 0);
    loop {
        let left = interval.saturating_sub(since.elapsed());
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return Ok(Ended::Closed),
            Ok(_) => (since, unanswered) = (Instant::now(), 0),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Err(_) if since.elapsed() < interval => {}
            Err(_) if unanswered == misses => return Ok(Ended::Silent),
            Err(_) => {
                match SockRef::from(stream).send_with_flags(b"ping\n", MSG_DONTWAIT) {
                    Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                    _ => {}
                }
                (since, unanswered) = (Instant::now(), unanswered + 1);
            }
        }
    }
}
