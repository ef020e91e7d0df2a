//! With a `Deadline`, which is renewed by what comes.

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    time::Duration,
};

use nix::libc::MSG_DONTWAIT;
use socket_workshop::deadline::Deadline;
use socket2::SockRef;
use workshop::checks::heartbeat::Ended;

pub fn watch(stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    let before = stream.read_timeout()?;
    let ended = ended(stream, interval, misses);
    stream.set_read_timeout(before)?;
    ended
}

fn ended(stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    let mut timed = Deadline::after(interval).on(stream);
    let mut unanswered = 0;
    loop {
        match timed.read(&mut [0; 100]) {
            Ok(0) => return Ok(Ended::Closed),
            Ok(_) => unanswered = 0,
            Err(error) => match error.kind() {
                ErrorKind::TimedOut if unanswered == misses => return Ok(Ended::Silent),
                ErrorKind::TimedOut => {
                    match SockRef::from(stream).send_with_flags(b"ping\n", MSG_DONTWAIT) {
                        Ok(_) => {}
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        Err(_) => return Ok(Ended::Reset),
                    }
                    unanswered += 1;
                }
                ErrorKind::Interrupted => continue, // a signal: the deadline stands
                ErrorKind::ConnectionReset => return Ok(Ended::Reset),
                _ => return Err(error),
            },
        }
        timed.renew(interval);
    }
}
