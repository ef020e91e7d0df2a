//! Exercise 5, done: a watch over a silent peer.

use std::{
    io::{self, ErrorKind, Read},
    net::TcpStream,
    os::fd::AsFd,
    process::ExitCode,
    time::{Duration, Instant},
};

use nix::{
    libc::MSG_DONTWAIT,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use socket2::SockRef;
use workshop::checks::heartbeat::Ended;

/// Pings a silent peer until the connection ends, and returns how it ended.
///
/// It sets no option of the socket, so there is none to restore: the timeout belongs to one `poll`,
/// and MSG_DONTWAIT to one send.
pub fn watch(stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    until_the_end(stream, interval, misses).or_else(|error| match error.kind() {
        // The peer's RST, reported by a read or by a ping.
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Ok(Ended::Reset),
        _ => Err(error),
    })
}

fn until_the_end(mut stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    let mut unanswered = 0;
    loop {
        // The interval begins here: after each byte from the peer, and after each ping.
        if is_readable(stream, Instant::now() + interval)? {
            match stream.read(&mut [0; 4096])? {
                0 => return Ok(Ended::Closed), // end of file: the peer's FIN
                _ => unanswered = 0,           // any byte is an answer
            }
        } else if unanswered == misses {
            return Ok(Ended::Silent);
        } else {
            ping(stream)?;
            unanswered += 1; // and nothing else: a ping that was sent is not an answer
        }
    }
}

/// Waits until there is something to read: bytes, end of file or an error. False when time is up.
fn is_readable(stream: &TcpStream, until: Instant) -> io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        // Rounded up: poll counts in milliseconds, and a ping must not be early.
        let left = left + Duration::from_micros(999);
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(
            &mut [PollFd::new(stream.as_fd(), PollFlags::POLLIN)],
            timeout,
        ) {
            Err(nix::Error::EINTR) => {} // a signal: wait for what remains
            ready => return Ok(ready? > 0),
        }
    }
}

/// Sends a ping if there is room for it. Waiting for room here would mean not reading.
fn ping(stream: &TcpStream) -> io::Result<()> {
    match SockRef::from(stream).send_with_flags(b"ping\n", MSG_DONTWAIT) {
        // EAGAIN: the send buffer is full.
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        sent => sent.map(drop),
    }
}

fn main() -> ExitCode {
    workshop::checks::heartbeat::SUITE.examine(watch)
}
