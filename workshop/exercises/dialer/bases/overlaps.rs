//! A right answer whose attempts overlap (RFC 8305), frozen: edits of `mistakes.diff` are made to
//! it.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use socket2::{Domain, SockRef, Socket, Type};

/// How long an address is waited for before the next one is dialed too (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to the first of the addresses that answers, within one limit for all of them. The
/// attempts overlap (RFC 8305): an address that is silent at first may answer until the limit.
///
/// # Errors
/// No address has answered. The text says what each did, and the kind is that of the last.
pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let started = Instant::now();
    let left = || limit.saturating_sub(started.elapsed());
    let mut attempts = Attempts::default();
    for (i, addr) in addrs.iter().enumerate() {
        if left().is_zero() {
            break;
        }
        let share = left() / (addrs.len() - i) as u32;
        if !attempts.begin(i, addr) {
            continue;
        }
        if let Some(stream) = attempts.next_end(share.min(ATTEMPT_DELAY))? {
            return Ok(stream);
        }
    }
    while !attempts.under_way.is_empty() && !left().is_zero() {
        if let Some(stream) = attempts.next_end(left())? {
            return Ok(stream);
        }
    }
    Err(attempts.error(addrs))
}

/// The attempts so far, each with its address's position.
#[derive(Default)]
struct Attempts {
    under_way: Vec<(usize, TcpStream)>,
    failed: Vec<(usize, io::Error)>,
}

impl Attempts {
    /// Sends the SYN, and does not wait for the answer. False if it has failed already.
    fn begin(&mut self, i: usize, addr: &SocketAddr) -> bool {
        match begin_to_connect(addr) {
            Ok(stream) => self.under_way.push((i, stream)),
            Err(error) => {
                self.failed.push((i, error));
                return false;
            }
        }
        true
    }

    /// Waits for one attempt to end. `None` if it has failed, or if none has ended in this time.
    fn next_end(&mut self, time: Duration) -> io::Result<Option<TcpStream>> {
        let Some(ended) = self.wait(time)? else {
            return Ok(None);
        };
        let (i, stream) = self.under_way.remove(ended);
        if let Some(error) = stream.take_error()? {
            self.failed.push((i, error));
            return Ok(None);
        }
        stream.set_nonblocking(false)?;
        Ok(Some(stream))
    }

    /// The position of an attempt that has ended, by success or by failure.
    fn wait(&self, time: Duration) -> io::Result<Option<usize>> {
        let began = Instant::now();
        let mut ends: Vec<PollFd<'_>> = self
            .under_way
            .iter()
            .map(|(_, stream)| PollFd::new(stream.as_fd(), PollFlags::POLLOUT))
            .collect();
        loop {
            let left = time.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            // Rounded up, because poll counts in milliseconds.
            let left = left.saturating_add(Duration::from_micros(999));
            match poll(
                &mut ends,
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX),
            ) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(ends.iter().position(|end| end.any() == Some(true))),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// What each address did, in their order.
    fn error(self, addrs: &[SocketAddr]) -> io::Error {
        let mut kind = ErrorKind::InvalidInput; // it stays so if the list is empty
        let mut outcomes = Vec::new();
        for (i, addr) in addrs.iter().enumerate() {
            match self.failed.iter().find(|(failed, _)| *failed == i) {
                Some((_, error)) => {
                    kind = error.kind();
                    outcomes.push(format!("{addr}: {error}"));
                }
                None => {
                    kind = ErrorKind::TimedOut;
                    outcomes.push(format!("{addr}: connection timed out"));
                }
            }
        }
        let text = format!("no address has answered: {}", outcomes.join("; "));
        io::Error::new(kind, text)
    }
}

fn begin_to_connect(addr: &SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(*addr), Type::STREAM, None)?;
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(true)?;
    match SockRef::from(&stream).connect(&(*addr).into()) {
        Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => Err(error),
        _ => Ok(stream),
    }
}
