//! The accept loop's own waiting: for a connection, for a place among the live ones, or for a
//! little time when the process has run out of something. The stop ends each of them.

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

use super::{GRACE, connection::Shared};
use crate::{deadline::Deadline, stop::Stop};

/// The first and the longest rest after the process has run out of something.
const SHORTEST_REST: Duration = Duration::from_millis(5);
const LONGEST_REST: Duration = Duration::from_secs(1);

/// Whose trouble an error of `accept` is, and so what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// This one connection's: take the next.
    Connection,
    /// The process's or the system's: it lasts, so that trying again at once would spin.
    Process,
    /// The listener's: nothing will ever be accepted from it.
    Listener,
}

/// Sorts the errors of accept(2), its list of those that stand for the new connection included.
#[must_use]
pub fn whose(error: &io::Error) -> Whose {
    let Some(errno) = error.raw_os_error().map(Errno::from_raw) else {
        return Whose::Listener;
    };
    match errno {
        Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM => Whose::Process,
        Errno::ECONNABORTED | Errno::EPROTO | Errno::EPERM | Errno::EINTR => Whose::Connection,
        Errno::ENETDOWN | Errno::ENETUNREACH | Errno::EHOSTDOWN | Errno::EHOSTUNREACH => {
            Whose::Connection
        }
        Errno::ENOPROTOOPT | Errno::EOPNOTSUPP => Whose::Connection,
        _ => Whose::Listener,
    }
}

/// The connections that are alive, and a bell for the accept loop when one of them ends.
pub(super) struct Live {
    connections: Mutex<HashMap<u64, Arc<Shared>>>,
    awaited: AtomicBool,
    bell: UnixStream,
    heard: UnixStream,
}

impl Live {
    pub(super) fn new() -> io::Result<Live> {
        let (bell, heard) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        heard.set_nonblocking(true)?;
        Ok(Live {
            connections: Mutex::default(),
            awaited: AtomicBool::new(false),
            bell,
            heard,
        })
    }

    /// Counts a connection among the living until the value is dropped.
    pub(super) fn enter(&self, number: u64, connection: &Arc<Shared>) -> Entered<'_> {
        self.connections().insert(number, Arc::clone(connection));
        Entered { live: self, number }
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<u64, Arc<Shared>>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Entered<'a> {
    live: &'a Live,
    number: u64,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.live.connections().remove(&self.number);
        if self.live.awaited.load(SeqCst) {
            // A full bell is ringing already.
            let _ = (&self.live.bell).write(&[0]);
        }
    }
}

pub(super) struct Gate<'a> {
    listener: TcpListener,
    stop: &'a Stop,
    live: &'a Live,
    max_connections: usize,
    rest: Duration,
}

impl<'a> Gate<'a> {
    pub(super) fn new(
        listener: TcpListener,
        stop: &'a Stop,
        live: &'a Live,
        max_connections: usize,
    ) -> io::Result<Gate<'a>> {
        listener.set_nonblocking(true)?;
        Ok(Gate {
            listener,
            stop,
            live,
            max_connections,
            rest: SHORTEST_REST,
        })
    }

    /// The next connection. After the stop, those that are queued still come, and then `None`.
    pub(super) fn next(&mut self) -> io::Result<Option<TcpStream>> {
        loop {
            if self
                .stop
                .since()
                .is_some_and(|since| Deadline::at(since, GRACE).passed())
            {
                return Ok(None);
            }
            if self.live.connections().len() >= self.max_connections {
                self.live.wait_for_an_end(Some(self.stop), None)?;
                continue;
            }
            match self.listener.accept() {
                Ok((stream, _)) => {
                    self.rest = SHORTEST_REST;
                    return Ok(Some(stream));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.stop.requested() {
                        return Ok(None);
                    }
                    wait([self.listener.as_fd(), self.stop.as_fd()], None)?;
                }
                Err(error) => match whose(&error) {
                    Whose::Connection => {}
                    Whose::Process => self.rest()?,
                    Whose::Listener => return Err(error),
                },
            }
        }
    }

    /// Rests until a connection ends, and each time twice as long if none does.
    pub(super) fn rest(&mut self) -> io::Result<()> {
        self.live
            .wait_for_an_end(Some(self.stop), Some(self.rest))?;
        self.rest = (self.rest * 2).min(LONGEST_REST);
        Ok(())
    }

    /// Closes the listener, tells the idle connections that nothing more will come, gives the others
    /// their grace, and aborts what is left.
    pub(super) fn close(self) -> io::Result<()> {
        let Gate {
            listener,
            stop,
            live,
            ..
        } = self;
        drop(listener);
        let Some(since) = stop.since() else {
            return Ok(());
        }; // the listener failed: no hurry
        live.connections()
            .values()
            .for_each(|connection| connection.end_idleness());
        while !live.connections().is_empty() {
            match Deadline::at(since, GRACE).remaining() {
                Ok(remaining) => live.wait_for_an_end(None, Some(remaining))?,
                Err(_) => {
                    live.connections()
                        .values()
                        .for_each(|connection| connection.abort());
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Live {
    /// Waits until a connection ends, the stop is requested, or the time is over.
    fn wait_for_an_end(&self, stop: Option<&Stop>, limit: Option<Duration>) -> io::Result<()> {
        let before = self.connections().len();
        self.awaited.store(true, SeqCst);
        // Whoever ended between the two lines above has not rung.
        if self.connections().len() >= before {
            let heard = self.heard.as_fd();
            wait([heard, stop.map_or(heard, Stop::as_fd)], limit)?;
        }
        self.awaited.store(false, SeqCst);
        while matches!((&self.heard).read(&mut [0; 64]), Ok(1..)) {}
        Ok(())
    }
}

/// Waits until one of the descriptors is readable or the time is over.
fn wait(fds: [BorrowedFd<'_>; 2], limit: Option<Duration>) -> io::Result<()> {
    let mut fds = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    let limit = limit.map_or(PollTimeout::NONE, |limit| {
        limit.try_into().unwrap_or(PollTimeout::MAX)
    });
    match poll(&mut fds, limit) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
