//! Has a clock of its own: a byte does not restart the interval, but skips the next tick.
//!
//! rejected by: counts from 0 after an answer
//! cause: a clock of its own

use std::{
    io::{self, ErrorKind},
    mem::MaybeUninit,
    net::TcpStream,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    libc,
    poll::{PollFd, PollFlags, ppoll},
    sys::time::TimeSpec,
};
use socket2::SockRef;
use workshop::checks::heartbeat::Ended;

/// Sends a ping, or nothing if there is no room.
fn ping(stream: &TcpStream) -> io::Result<()> {
    loop {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        match SockRef::from(stream).send_with_flags(b"ping\n", flags) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Takes bytes that are there, without waiting.
fn receive(stream: &TcpStream) -> io::Result<usize> {
    let mut waste = [MaybeUninit::uninit(); 4096];
    SockRef::from(stream).recv_with_flags(&mut waste, libc::MSG_DONTWAIT)
}

/// Whether the connection goes on after the error.
fn passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn broken(error: io::Error) -> io::Result<Ended> {
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Ok(Ended::Reset),
        _ => Err(error),
    }
}

/// Waits for bytes, an end or an error, a signal, or the end of the time.
fn wait(stream: &TcpStream, time: Duration) -> io::Result<()> {
    let mut fds = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
    match ppoll(&mut fds, Some(TimeSpec::from_duration(time)), None) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Pings a silent peer until the connection ends, and returns how it ended.
pub fn watch(stream: &TcpStream, interval: Duration, misses: u32) -> io::Result<Ended> {
    let mut tick = Instant::now() + interval;
    let mut heard = false;
    let mut unanswered = 0;
    loop {
        let now = Instant::now();
        if now < tick {
            wait(stream, tick - now)?;
            match receive(stream) {
                Ok(0) => return Ok(Ended::Closed),
                Ok(_) => heard = true,
                Err(error) if passing(&error) => {}
                Err(error) => return broken(error),
            }
            continue;
        }
        if heard {
            unanswered = 0;
        } else if unanswered == misses {
            return Ok(Ended::Silent);
        } else {
            match ping(stream) {
                Ok(()) => unanswered += 1,
                Err(error) => return broken(error),
            }
        }
        heard = false;
        tick += interval;
    }
}
