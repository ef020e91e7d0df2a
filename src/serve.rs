//! A server on threads that stay, with a limit on connections, and an orderly stop.
//!
//! [`serve`] owns the accepting and the threads; what is said on a connection is the handler's
//! business. Once begun it ends for the stop and for an error of the listener itself. Lesson
//! `servers` compares this design with others.
//!
//! A thread that waits for its client is blocked in `read`, and three things may end that: bytes, a
//! deadline, the stop. The kernel knows of the first two; for the third the thread that has called
//! `serve` shuts down the receiving half of each idle connection, and the read returns 0.

mod connection;
mod crew;
mod errors;
mod lead;

use std::{fmt, io, net::TcpListener, os::fd::AsFd, time::Duration};

use nix::{
    fcntl::{FcntlArg, fcntl},
    sys::resource::{Resource, getrlimit, setrlimit},
    unistd::close,
};

pub use self::connection::Connection;
pub use self::errors::{Concerns, concerns};

use self::crew::Crew;
use crate::stop::Stop;

/// How many connections a server has at a time at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// In all. Further ones wait in the kernel's accept queue.
    pub connections: usize,
    /// Of one address, or one IPv6 network of 64 bits: further ones are closed. Loopback, which all
    /// clients of a machine share, has no such limit.
    pub of_an_address: usize,
    /// When no place is free and clients queue, the longest waits of connections for their client
    /// end, if they have taken so long.
    pub yields_after: Duration,
}

/// This many connections, half of them for one address, and waits of a second when it is full.
impl From<usize> for Capacity {
    fn from(connections: usize) -> Capacity {
        Capacity {
            connections,
            of_an_address: connections.div_ceil(2),
            yields_after: Duration::from_secs(1),
        }
    }
}

/// What [`serve`] has done when it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections accepted and served.
    pub connections: usize,
    /// Those that ended with an error: a reset, a deadline, a message that could not be trusted.
    pub failed: usize,
    /// Connections closed because their address had enough.
    pub refused: usize,
}

/// `3 connections (1 failed)`, or `3 connections (1 failed, 2 refused)`.
impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.connections == 1 { "" } else { "s" };
        write!(
            f,
            "{} connection{plural} ({} failed",
            self.connections, self.failed
        )?;
        if self.refused > 0 {
            write!(f, ", {} refused", self.refused)?;
        }
        f.write_str(")")
    }
}

/// Accepts connections and runs `handle` for each, on threads that stay, until the stop.
///
/// More threads are started while none waits for a connection, one for each at most; a thread that
/// has waited for ten seconds ends, but for a few. When no place is free and clients queue, the
/// connections that have waited longest for their client are closed ([`Capacity::yields_after`]).
/// When the process is out of descriptors, accepting rests until a connection ends or a little time
/// has passed. When no further thread can be started, connections wait until one is free.
///
/// After the stop those that are still queued are served, calls under way are finished (two seconds
/// at most), and all threads are joined.
///
/// # Errors
/// The listener itself has failed: nothing can be accepted any more. Threads are joined all the
/// same. Or there was too little of something to begin with.
pub fn serve<H>(
    listener: TcpListener,
    stop: &Stop,
    capacity: impl Into<Capacity>,
    handle: H,
) -> io::Result<Totals>
where
    H: Fn(&Connection) -> io::Result<()> + Sync,
{
    let capacity = capacity.into();
    make_room_for_descriptors(&listener, capacity.connections)?;
    Crew::new(listener, stop, capacity, handle)?.serve()
}

/// Lets the table of descriptors grow to its final size now. The kernel doubles it as it fills, and
/// each time waits until every processor has let go of the old one: tens of milliseconds in which
/// accept stands still, while a fast client fills a queue of 4096 (Linux, `fs/file.c`).
fn make_room_for_descriptors(listener: &TcpListener, connections: usize) -> io::Result<()> {
    let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let highest = limit
        .min((connections as u64).saturating_add(64))
        .saturating_sub(1);
    let highest = i32::try_from(highest).unwrap_or(i32::MAX);
    let copy = fcntl(listener.as_fd(), FcntlArg::F_DUPFD_CLOEXEC(highest))?;
    Ok(close(copy)?)
}

/// Raises this process's limit of open descriptors as far as it may: a connection costs one each.
/// Returns the limit that now holds.
///
/// # Errors
/// getrlimit(2) or setrlimit(2) failed.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    Ok(most)
}

#[cfg(test)]
mod tests;
