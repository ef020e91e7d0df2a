//! One connection of a server: reads and writes that end by a deadline and hear of the stop, and a
//! close that does not turn into a reset.

use std::{
    cell::Cell,
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    os::fd::AsFd,
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

use super::GRACE;
use crate::{deadline::Deadline, stop::Stop};

/// How long [`Connection::finish`] listens to a peer that keeps talking.
const LINGER: Duration = Duration::from_secs(1);

/// A connection as a handler of [`serve`](super::serve) gets it. `&Connection` is read and written,
/// so that a `BufReader` can hold one and answers be written to another.
#[derive(Debug)]
pub struct Connection<'a> {
    stream: &'a TcpStream,
    stop: &'a Stop,
    deadline: Cell<Deadline>,
    /// Between messages: the stop ends a read, as if the peer had closed.
    idle: Cell<bool>,
    /// Whether the kernel may hold bytes for us. A read that did not fill its buffer took all there
    /// were (epoll(7) relies on the same), so that the next had better ask poll first.
    maybe_ready: Cell<bool>,
    peer_closed: Cell<bool>,
}

impl<'a> Connection<'a> {
    pub(super) fn new(stream: &'a TcpStream, stop: &'a Stop) -> io::Result<Connection<'a>> {
        stream.set_nonblocking(true)?;
        Ok(Connection {
            stream,
            stop,
            deadline: Cell::new(Deadline::after(Duration::MAX)),
            idle: Cell::new(true),
            maybe_ready: Cell::new(true),
            peer_closed: Cell::new(false),
        })
    }

    /// A message may begin: the next byte may take this long, and the stop ends the wait. A read
    /// then returns 0, as it does at end of file.
    pub fn between_messages(&self, limit: Duration) {
        self.deadline.set(Deadline::after(limit));
        self.idle.set(true);
    }

    /// A message is under way: all of it must have passed within this time. The stop does not cut
    /// it off, but leaves it two seconds at most.
    pub fn within_message(&self, limit: Duration) {
        self.deadline.set(Deadline::after(limit));
        self.idle.set(false);
    }

    /// Closes the sending half, and reads to the peer's end of file for up to a second: closing with
    /// unread bytes would send RST, and the peer could lose our last answer (RFC 1122, 4.2.2.13).
    pub(super) fn finish(&self) -> io::Result<()> {
        if self.peer_closed.get() {
            return Ok(()); // closing the descriptor sends the FIN, and nothing is left to read
        }
        match self.stream.shutdown(Shutdown::Write) {
            Err(error) if error.kind() != ErrorKind::NotConnected => return Err(error),
            _ => {}
        }
        self.within_message(LINGER);
        match io::copy(&mut &*self, &mut io::sink()) {
            Err(error) if error.kind() != ErrorKind::TimedOut => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether the stop is so long ago that not even what has arrived is taken any more.
    fn grace_is_over(&self) -> bool {
        self.stop
            .since()
            .is_some_and(|since| Deadline::at(since, GRACE).passed())
    }

    /// Waits until the stream is ready for this; false if the stop came first, between messages.
    fn wait(&self, event: PollFlags) -> io::Result<bool> {
        loop {
            let stopped = self.stop.since();
            let limit = match stopped {
                Some(_) if self.idle.get() => PollTimeout::ZERO,
                Some(since) => milliseconds(self.deadline.get().min(Deadline::at(since, GRACE)))?,
                None => milliseconds(self.deadline.get())?,
            };
            let mut fds = [
                PollFd::new(self.stream.as_fd(), event),
                PollFd::new(self.stop.as_fd(), PollFlags::POLLIN),
            ];
            // Once requested the stop is readable for ever, and would wake each wait at once.
            let watched = if stopped.is_some() { 1 } else { 2 };
            match poll(&mut fds[..watched], limit) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            if fds[0].any() == Some(true) {
                return Ok(true);
            }
            if stopped.is_some() && self.idle.get() {
                return Ok(false);
            }
        }
    }
}

impl Read for &Connection<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let over = self.idle.get() && self.grace_is_over();
            if over || (!self.maybe_ready.get() && !self.wait(PollFlags::POLLIN)?) {
                return Ok(0);
            }
            match (&*self.stream).read(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.maybe_ready.set(false),
                Ok(n) => {
                    self.maybe_ready.set(n == buf.len());
                    self.peer_closed.set(n == 0 && !buf.is_empty());
                    return Ok(n);
                }
                error => return error,
            }
        }
    }
}

impl Write for &Connection<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        loop {
            match (&*self.stream).write(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !self.wait(PollFlags::POLLOUT)? {
                        return Err(io::Error::new(
                            ErrorKind::TimedOut,
                            "stopped before the peer had read",
                        ));
                    }
                }
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What remains, for poll(2): rounded up, because half a millisecond rounded down is a busy loop.
fn milliseconds(deadline: Deadline) -> io::Result<PollTimeout> {
    let remaining = deadline.remaining()? + Duration::from_millis(1);
    Ok(remaining.try_into().unwrap_or(PollTimeout::MAX))
}
