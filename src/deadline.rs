//! An absolute deadline. `set_read_timeout` limits one call, so a peer that sends a byte now and
//! then defeats it (lesson `deadlines`); a [`Deadline`] is one point in time for any number of
//! calls, because what remains is computed before each.

use std::{
    borrow::Borrow,
    io::{self, ErrorKind, Read, Write},
    net::{TcpStream, UdpSocket},
    os::fd::AsRawFd,
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, send},
};

/// Longer than any program runs, and far from overflowing an `Instant`.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// How long [`Deadline::wait_for`] rests between two looks, at least.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// And at most.
const LOOK_AGAIN_AT_LAST: Duration = Duration::from_millis(20);

/// A point in time after which a call times out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline this far from now. A duration too long for the clock means a century.
    #[must_use]
    pub fn after(limit: Duration) -> Deadline {
        Deadline::at(Instant::now(), limit)
    }

    /// The deadline this far from a given start.
    #[must_use]
    pub fn at(start: Instant, limit: Duration) -> Deadline {
        Deadline(start + limit.min(FOR_EVER))
    }

    /// Whether it has passed.
    #[must_use]
    pub fn passed(self) -> bool {
        self.0 <= Instant::now()
    }

    /// What remains: never zero, which the socket calls take for "no timeout at all" and refuse.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`] once the deadline has passed.
    pub fn remaining(self) -> io::Result<Duration> {
        match self.0.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(io::Error::new(
                ErrorKind::TimedOut,
                "the deadline has passed",
            )),
        }
    }

    /// The stream, read and written by this deadline.
    #[must_use]
    pub fn on<S: Borrow<TcpStream>>(self, stream: S) -> Timed<S> {
        Timed {
            stream,
            deadline: self,
            fresh: None,
            read_timeout: None,
            write_timeout: None,
        }
    }

    /// Receives a datagram on a blocking socket by this deadline. The timeout it sets stays on the
    /// socket.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`] once the deadline has passed, and what recv gives.
    pub fn recv(self, socket: &UdpSocket, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            socket.set_read_timeout(Some(self.remaining()?))?;
            match socket.recv(buf) {
                // EAGAIN: the timeout ran out, perhaps just before the
                // deadline. EINTR: a signal came.
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                result => return result,
            }
        }
    }

    /// Asks until there is an answer. `None` from `ask` is "not yet", and `None` from here is that
    /// the deadline passed first; it asks once even if it had passed already.
    ///
    /// For what the kernel shows but sends no event for, such as a row of the socket table. What
    /// can be polled for must be: this rests a millisecond between looks, or as long as a look
    /// took: a table of thousands of rows is not free.
    ///
    /// # Errors
    /// What `ask` failed with.
    pub fn wait_for<T>(
        self,
        mut ask: impl FnMut() -> io::Result<Option<T>>,
    ) -> io::Result<Option<T>> {
        loop {
            let look = Instant::now();
            let answer = ask()?;
            if answer.is_some() || self.passed() {
                return Ok(answer);
            }
            // The one sleep here that waits for something: the table has
            // no event to wait on instead.
            thread::sleep(look.elapsed().clamp(LOOK_AGAIN, LOOK_AGAIN_AT_LAST));
        }
    }
}

/// A stream, owned or borrowed, whose every read and write ends by one deadline.
///
/// A call past it fails with [`ErrorKind::TimedOut`], on every platform: the kernel's own word for
/// it is `WouldBlock` on Unix. The timeout it sets stays on the socket, as `set_read_timeout`'s
/// does. No other code may set one while this is in use, because this sets it again only when it
/// has become wrong.
#[derive(Debug)]
pub struct Timed<S> {
    stream: S,
    deadline: Deadline,
    /// All that is left of a deadline that has just been set: no need to look at the clock again.
    fresh: Option<Duration>,
    /// The timeout that was last set on the socket: it is set again only when it has become wrong.
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

/// A socket's timeout may be this wrong. The kernel counts it in jiffies, of up to 10 ms (time(7)),
/// so a call ends late. On a busy virtual machine one in 7 000 ended early, by 0.05 ms.
pub const TICK: Duration = Duration::from_millis(10);

impl<S: Borrow<TcpStream>> Timed<S> {
    /// The stream itself.
    pub fn stream(&self) -> &TcpStream {
        self.stream.borrow()
    }

    /// Sets a new deadline, this far from now: a connection survives a call that timed out. Call it
    /// right before the first read or write that the deadline limits.
    pub fn renew(&mut self, limit: Duration) {
        self.renew_at(Instant::now(), limit);
    }

    /// The same, for a caller that has just looked at the clock.
    pub fn renew_at(&mut self, now: Instant, limit: Duration) {
        self.deadline = Deadline::at(now, limit);
        self.fresh = Some(limit.min(FOR_EVER)).filter(|limit| !limit.is_zero());
    }

    fn remaining(&mut self) -> io::Result<Duration> {
        self.fresh
            .take()
            .map_or_else(|| self.deadline.remaining(), Ok)
    }
}

impl<S: Borrow<TcpStream>> Read for Timed<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let remaining = self.remaining()?;
            if is_wrong(self.read_timeout, remaining) {
                self.stream().set_read_timeout(Some(remaining))?;
                self.read_timeout = Some(remaining);
            }
            match self.stream().read(buf) {
                Err(error) if may_go_on(error.kind()) => {}
                result => return result,
            }
        }
    }
}

impl<S: Borrow<TcpStream>> Write for Timed<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.write_timeout.is_none() {
            self.deadline.remaining()?;
            // Most writes find room, and then no timeout is needed.
            match send(self.stream().as_raw_fd(), buf, MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                result => return Ok(result?),
            }
        }
        loop {
            let remaining = self.remaining()?;
            if is_wrong(self.write_timeout, remaining) {
                self.stream().set_write_timeout(Some(remaining))?;
                self.write_timeout = Some(remaining);
            }
            match self.stream().write(buf) {
                Err(error) if may_go_on(error.kind()) => {}
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// EAGAIN: a timeout ran out (socket(7), SO_RCVTIMEO), perhaps just before the deadline. EINTR: a
/// signal, or the process was stopped and went on. A call with a timeout is not restarted then,
/// even where SA_RESTART is set (signal(7)).
fn may_go_on(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn is_wrong(timeout: Option<Duration>, remaining: Duration) -> bool {
    timeout.is_none_or(|timeout| timeout.abs_diff(remaining) > TICK)
}

#[cfg(test)]
mod tests {
    use super::Deadline;
    use std::{
        io::{self, ErrorKind, Read, Write},
        net::{TcpListener, TcpStream, UdpSocket},
        time::{Duration, Instant},
    };

    fn pair() -> io::Result<(TcpStream, TcpStream)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        Ok((client, listener.accept()?.0))
    }

    #[test]
    fn a_peer_that_drips_does_not_push_the_deadline() {
        let (client, server) = pair().unwrap();
        let limit = Duration::from_millis(100);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // A byte every 10 ms is the subject here: the peer that
                // must not be able to push it.
                while (&server).write_all(b".").is_ok() {
                    std::thread::sleep(Duration::from_millis(10));
                }
            });
            let started = Instant::now();
            let error = Deadline::after(limit)
                .on(&client)
                .read_to_end(&mut Vec::new())
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(started.elapsed() >= limit);
            drop(client);
        });
    }

    #[test]
    fn a_deadline_that_has_passed_times_out_at_once_and_another_revives_the_stream() {
        let (client, mut server) = pair().unwrap();
        server.write_all(b"x").unwrap();
        let mut byte = [0];
        let late = Deadline::after(Duration::ZERO)
            .on(&client)
            .read(&mut byte)
            .unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        assert_eq!(
            Deadline::after(Duration::from_secs(5))
                .on(&client)
                .read(&mut byte)
                .unwrap(),
            1
        );
    }

    #[test]
    fn a_write_to_a_peer_that_does_not_read_ends_by_the_deadline() {
        let (client, _server) = pair().unwrap();
        let endless = vec![0; 64 << 20];
        let error = Deadline::after(Duration::from_millis(50))
            .on(&client)
            .write_all(&endless)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn a_datagram_is_waited_for_by_the_deadline() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(socket.local_addr().unwrap()).unwrap();
        let mut buf = [0; 16];
        let deadline = Deadline::after(Duration::from_millis(20));
        let error = deadline.recv(&socket, &mut buf).unwrap_err();
        assert!(error.kind() == ErrorKind::TimedOut && deadline.passed());
        socket.send(b"hello").unwrap();
        let deadline = Deadline::after(Duration::from_secs(5));
        assert_eq!(deadline.recv(&socket, &mut buf).unwrap(), 5);
    }

    #[test]
    fn the_longest_duration_is_a_deadline_too() {
        assert!(!Deadline::after(Duration::MAX).passed());
        assert!(Deadline::after(Duration::MAX).remaining().is_ok());
    }
}
