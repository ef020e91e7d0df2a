//! A stop signal that wakes threads that are blocked in the kernel.
//!
//! `accept` and `read` do not return because a flag was set, and std repeats `accept` after a
//! signal. So the signal is a socket too: one half of a socket pair, whose other half is shut down
//! to stop. End of file is readable, and stays so: every thread that waits with poll(2) for its own
//! socket *and* for this one wakes up, now or later, and none of them takes the event away from
//! another.

use std::{
    io,
    net::Shutdown,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    process,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

use crate::{deadline::Deadline, fault::Attempt};

#[cfg(target_os = "linux")]
pub use nix::sys::eventfd::EventFd;

#[cfg(not(target_os = "linux"))]
pub use other::EventFd;

/// A wish to stop that threads can wait for. Its clones are the same wish.
#[derive(Clone, Debug)]
pub struct Stop(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    requested: AtomicBool,
    since: OnceLock<Instant>,
    wish: UnixStream,
    heard: UnixStream,
}

impl Stop {
    /// A wish that has not been made yet.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn new() -> io::Result<Stop> {
        let (wish, heard) = UnixStream::pair()?;
        Ok(Stop(Arc::new(Inner {
            requested: AtomicBool::new(false),
            since: OnceLock::new(),
            wish,
            heard,
        })))
    }

    /// A wish that Ctrl-C makes, or SIGTERM, or SIGHUP. A second one ends the process at once, with
    /// status 130.
    ///
    /// # Errors
    /// No descriptor is left, or the process handles Ctrl-C already.
    pub fn on_ctrl_c() -> io::Result<Stop> {
        let stop = Stop::new()?;
        let wish = stop.clone();
        ctrlc::set_handler(move || {
            if wish.requested() {
                process::exit(130); // 128 + SIGINT, as a shell reports it
            }
            wish.request();
        })
        .map_err(io::Error::other)
        .attempt(|| "cannot start the thread that waits for Ctrl-C and SIGTERM".to_owned())?;
        Ok(stop)
    }

    /// Makes the wish. Making it again changes nothing.
    pub fn request(&self) {
        self.0.since.get_or_init(Instant::now);
        self.0.requested.store(true, SeqCst);
        // It can only fail if it was shut down before.
        let _ = self.0.wish.shutdown(Shutdown::Write);
    }

    /// Whether the wish has been made. Sequentially consistent, as making it is.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.requested.load(SeqCst)
    }

    /// When the wish was made.
    #[must_use]
    pub fn since(&self) -> Option<Instant> {
        self.0.since.get().copied()
    }

    /// Waits until a descriptor can be read from, to a deadline if there is one: true if it can,
    /// and false when the deadline has passed, whatever has come by then.
    ///
    /// # Errors
    /// [`io::ErrorKind::Interrupted`]: the wish has been made. Or poll(2) failed.
    pub fn readable(&self, fd: &impl AsFd, until: Option<Deadline>) -> io::Result<bool> {
        let watched = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds = [watched(fd.as_fd()), watched(self.as_fd())];
        loop {
            let limit = match until.map(Deadline::remaining) {
                None => PollTimeout::NONE,
                // Rounded up to milliseconds: rounded down, what is left
                // would be waited for in a busy loop.
                Some(Ok(left)) => (left + Duration::from_micros(999))
                    .try_into()
                    .unwrap_or(PollTimeout::MAX),
                Some(Err(_)) => return Ok(false),
            };
            match poll(&mut fds, limit) {
                Ok(_) if self.requested() => {
                    return Err(io::Error::new(io::ErrorKind::Interrupted, "stopped"));
                }
                Ok(_) if fds[0].any() == Some(true) => return Ok(true),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Waits until the wish is made, or for this long; true if it has been made.
    ///
    /// # Errors
    /// poll(2) failed.
    pub fn wait(&self, limit: Duration) -> io::Result<bool> {
        let limit = limit.try_into().unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(self.as_fd(), PollFlags::POLLIN)], limit) {
            Ok(_) | Err(Errno::EINTR) => Ok(self.requested()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Readable, for poll(2), from the moment the wish is made. It is never to be read from.
impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.heard.as_fd()
    }
}

/// What stands in for an eventfd where there is none.
#[cfg(any(test, not(target_os = "linux")))]
mod other {
    use std::{
        io::{self, Write},
        os::{
            fd::{AsFd, BorrowedFd},
            unix::net::UnixStream,
        },
    };

    /// Readable, for poll(2), once it has been written, as an eventfd(2)
    /// is: two descriptors for one.
    #[derive(Debug)]
    pub struct EventFd {
        writer: UnixStream,
        reader: UnixStream,
    }

    impl EventFd {
        /// One that has not been written.
        ///
        /// # Errors
        /// No descriptor is left.
        pub fn new() -> io::Result<EventFd> {
            let (writer, reader) = UnixStream::pair()?;
            Ok(EventFd { writer, reader })
        }

        /// Makes it readable.
        ///
        /// # Errors
        /// As for send(2).
        pub fn write(&self, value: u64) -> io::Result<usize> {
            (&self.writer).write(&value.to_ne_bytes())
        }
    }

    impl AsFd for EventFd {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.reader.as_fd()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Stop;
    use std::{
        thread,
        time::{Duration, Instant},
    };

    #[test]
    fn every_thread_that_waits_hears_of_the_stop_and_so_does_one_that_comes_later() {
        let stop = Stop::new().unwrap();
        let for_ever = Duration::from_secs(60);
        let started = Instant::now();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| assert!(stop.wait(for_ever).unwrap()));
            }
            stop.request();
        });
        assert!(stop.wait(for_ever).unwrap());
        assert!(started.elapsed() < for_ever);
    }

    #[test]
    fn a_descriptor_is_waited_for_until_the_wish_is_made() {
        use crate::deadline::Deadline;
        use std::{io::ErrorKind, net::UdpSocket};

        let stop = Stop::new().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let soon = Deadline::after(Duration::from_millis(20));
        assert!(!stop.readable(&socket, Some(soon)).unwrap());
        assert!(soon.passed());
        socket.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        assert!(stop.readable(&socket, None).unwrap());
        assert!(!stop.readable(&socket, Some(soon)).unwrap(), "too late");
        stop.request();
        let error = stop.readable(&socket, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
    }

    #[test]
    fn what_stands_in_for_an_eventfd_is_readable_once_it_has_been_written() {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        use std::os::fd::AsFd;

        let event = super::other::EventFd::new().unwrap();
        let ready = || {
            let mut fds = [PollFd::new(event.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::ZERO).unwrap()
        };
        assert_eq!(ready(), 0);
        event.write(1).unwrap();
        assert_eq!((ready(), ready()), (1, 1));
    }

    #[test]
    fn without_the_wish_the_wait_takes_its_time() {
        let stop = Stop::new().unwrap();
        let started = Instant::now();
        assert!(!stop.wait(Duration::from_millis(20)).unwrap());
        assert!(started.elapsed() >= Duration::from_millis(20));
    }
}
