//! The accept loop's own waiting: for a connection, for a place among the live ones, or for a
//! little time when the process has run out of something. The stop ends each of them.

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read, Write},
    mem,
    net::{TcpListener, TcpStream},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

use super::{GRACE, connection::Shared};
use crate::stop::Stop;

/// The first and the longest rest after the process has run out of something.
pub(super) const SHORTEST_REST: Duration = Duration::from_millis(5);
pub(super) const LONGEST_REST: Duration = Duration::from_secs(1);

/// Connections that leave the gate together at most.
const BATCH: usize = 256;

/// What an error of `accept` concerns, and so what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concerns {
    /// This one connection: take the next.
    Connection,
    /// The process or the system: it lasts, so that trying again at once would spin.
    Process,
    /// The listener: nothing will ever be accepted from it.
    Listener,
}

/// Sorts the errors of accept(2). Its section "Error handling" lists network errors of the new
/// connection: the listener is fine. EPERM, by a firewall or a security module, may last.
#[must_use]
pub fn concerns(error: &io::Error) -> Concerns {
    let Some(errno) = error.raw_os_error().map(Errno::from_raw) else {
        return Concerns::Listener;
    };
    match errno {
        Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM | Errno::EPERM => {
            Concerns::Process
        }
        Errno::ECONNABORTED | Errno::EPROTO | Errno::EINTR => Concerns::Connection,
        Errno::ENETDOWN | Errno::ENETUNREACH | Errno::EHOSTDOWN | Errno::EHOSTUNREACH => {
            Concerns::Connection
        }
        Errno::ENOPROTOOPT | Errno::EOPNOTSUPP => Concerns::Connection,
        #[cfg(target_os = "linux")]
        Errno::ENONET => Concerns::Connection,
        _ => Concerns::Listener,
    }
}

/// The connections that are alive, and a bell for the accept loop when one of them ends.
pub(super) struct Live {
    /// From accept to the end; the map has them from when their thread is started.
    count: AtomicUsize,
    connections: Mutex<HashMap<usize, Arc<Shared>>>,
    aborting: AtomicBool,
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
            count: AtomicUsize::new(0),
            connections: Mutex::default(),
            aborting: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
            bell,
            heard,
        })
    }

    /// Takes an accepted connection among the living until the value is dropped.
    pub(super) fn enter(&self, number: usize, stream: TcpStream) -> Entered<'_> {
        let connection = Arc::new(Shared::new(stream));
        self.connections().insert(number, Arc::clone(&connection));
        if self.aborting.load(SeqCst) {
            connection.abort();
        }
        Entered {
            live: self,
            number,
            connection: Some(connection),
        }
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<usize, Arc<Shared>>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Entered<'a> {
    live: &'a Live,
    number: usize,
    connection: Option<Arc<Shared>>,
}

impl Entered<'_> {
    pub(super) fn connection(&self) -> &Shared {
        self.connection.as_ref().expect("only `drop` takes it")
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        // Its descriptor is free before its place is.
        drop((
            self.live.connections().remove(&self.number),
            self.connection.take(),
        ));
        self.live.count.fetch_sub(1, SeqCst);
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
    /// The stop has been heard.
    stopping: bool,
    /// No client was waiting at the last look: the next one has most likely come alone.
    quiet: bool,
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
            stopping: false,
            quiet: true,
            rest: SHORTEST_REST,
        })
    }

    /// Connections that wait, once there are any: after a quiet time one, to be served at once;
    /// then all. After the stop, idle connections are told that nothing more will come, those that
    /// are queued still get their turn, and then it is `None`.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<TcpStream>>> {
        let mut accepted = Vec::new();
        loop {
            if self.stop.requested() && !self.stopping {
                // From here on the stop stays readable: not to be waited for.
                self.stopping = true;
                self.live
                    .connections()
                    .values()
                    .for_each(|connection| connection.end_idleness());
            }
            let grace_left = grace_left(self.stop).filter(|_| self.stopping);
            if grace_left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            let alive = self.live.count.load(SeqCst);
            let out_of_something = self.accept_waiting(&mut accepted)?;
            if !accepted.is_empty() {
                self.rest = SHORTEST_REST;
                return Ok(Some(accepted));
            }
            let full = alive >= self.max_connections;
            let patience = if full { LONGEST_REST } else { self.rest };
            match grace_left {
                Some(left) if full || out_of_something => {
                    self.live.wait_for_an_end(alive, None, left.min(patience))?;
                }
                Some(_) => return Ok(None),
                None if full || out_of_something => {
                    self.live
                        .wait_for_an_end(alive, Some(self.stop), patience)?;
                }
                None => wait([self.listener.as_fd(), self.stop.as_fd()], None)?,
            }
            if out_of_something {
                self.rest = (self.rest * 2).min(LONGEST_REST);
            }
        }
    }

    /// Accepts what waits, as far as there is room. True if the process has run out of
    /// something that a connection needs.
    fn accept_waiting(&mut self, accepted: &mut Vec<TcpStream>) -> io::Result<bool> {
        let most = if mem::take(&mut self.quiet) { 1 } else { BATCH };
        while self.live.count.load(SeqCst) < self.max_connections && accepted.len() < most {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    if !cfg!(target_os = "linux") {
                        stream.set_nonblocking(false)?; // elsewhere it inherits the listener's mode
                    }
                    self.live.count.fetch_add(1, SeqCst);
                    accepted.push(stream);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.quiet = true;
                    break;
                }
                Err(error) => match concerns(&error) {
                    Concerns::Connection => break,
                    Concerns::Process => return Ok(true),
                    Concerns::Listener => return Err(error),
                },
            }
        }
        Ok(false)
    }

    /// Closes the listener, gives the connections what is left of their grace, and aborts what is
    /// left of them.
    pub(super) fn close(self) -> io::Result<()> {
        let (live, stop) = (self.live, self.stop);
        drop(self.listener);
        if !self.stopping {
            return Ok(()); // the listener has failed: there is no hurry
        }
        loop {
            let alive = live.count.load(SeqCst);
            match grace_left(stop) {
                _ if alive == 0 => break,
                Some(left) if !left.is_zero() => live.wait_for_an_end(alive, None, left)?,
                _ => {
                    live.aborting.store(true, SeqCst); // for those that have no thread yet
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

/// What is left of the grace, once the stop has been requested.
fn grace_left(stop: &Stop) -> Option<Duration> {
    stop.since()
        .map(|since| GRACE.saturating_sub(since.elapsed()))
}

impl Live {
    /// Waits until fewer connections are alive than the caller has seen, the stop is requested, or
    /// the time is over.
    fn wait_for_an_end(&self, seen: usize, stop: Option<&Stop>, limit: Duration) -> io::Result<()> {
        self.awaited.store(true, SeqCst);
        // A thread that ended before the line above has not rung.
        if self.count.load(SeqCst) >= seen {
            let heard = self.heard.as_fd();
            wait([heard, stop.map_or(heard, Stop::as_fd)], Some(limit))?;
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
