//! A thread for each connection, a limit on their number, and an orderly stop.
//!
//! [`serve`] owns the accept loop and the threads; what is said on a connection is the handler's
//! business. It ends for the stop and for an error of the listener itself, and for nothing else.
//!
//! A thread that waits for its client is blocked in `read`, and three things may end that: bytes, a
//! deadline, the stop. The kernel knows of the first two; for the third the accept loop shuts down
//! the receiving half of each idle connection, and the read returns 0.

mod connection;
mod gate;

use std::{
    fmt, io,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

pub use connection::Connection;
pub use gate::{Whose, whose};

use self::{
    connection::Shared,
    gate::{Gate, Live},
};
use crate::stop::Stop;

/// Stack of a connection's thread, in bytes. Only pages that are touched cost memory.
const STACK: usize = 256 << 10;

/// How long connections may take to end after the stop has been requested.
const GRACE: Duration = Duration::from_secs(2);

/// What [`serve`] has done when it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections accepted.
    pub connections: usize,
    /// Those that ended with an error: a reset, a deadline, a message that could not be trusted.
    pub failed: usize,
}

/// `3 connections, 1 of them failed`.
impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.connections == 1 { "" } else { "s" };
        write!(
            f,
            "{} connection{plural}, {} of them failed",
            self.connections, self.failed
        )
    }
}

/// Accepts connections and runs `handle` for each on a thread of its own, until the stop.
///
/// Past `max_connections` further ones wait in the kernel's accept queue. When the process is out
/// of descriptors or threads, the loop rests until a connection ends or a little time has passed.
/// After the stop it takes what is still queued, closes the listener, lets the handlers finish
/// (two seconds at most), and joins all threads.
///
/// # Errors
/// The listener itself has failed: nothing can be accepted any more. Threads are joined all the same.
pub fn serve<H>(
    listener: TcpListener,
    stop: &Stop,
    max_connections: usize,
    handle: H,
) -> io::Result<Totals>
where
    H: Fn(&Connection) -> io::Result<()> + Sync,
{
    let live = Live::new()?;
    let failed = AtomicUsize::new(0);
    let converse = |shared: &Shared| {
        let connection = Connection::new(shared, stop);
        handle(&connection).and(connection.finish())
    };
    let connections = thread::scope(|scope| {
        let mut gate = Gate::new(listener, stop, &live, max_connections)?;
        let mut accepted = 0;
        while let Some(stream) = gate.next()? {
            accepted += 1;
            let shared = Arc::new(Shared::new(stream));
            let start = || {
                let (shared, entered) = (Arc::clone(&shared), live.enter(accepted, &shared));
                let (converse, failed) = (&converse, &failed);
                thread::Builder::new()
                    .stack_size(STACK)
                    .spawn_scoped(scope, move || {
                        let ended = converse(&shared);
                        failed.fetch_add(usize::from(ended.is_err()), Ordering::Relaxed);
                        drop(entered);
                    })
            };
            // A thread that cannot be started leaves us the connection: it waits for another one.
            while start().is_err() && !stop.requested() {
                gate.rest()?;
            }
        }
        gate.close().and(Ok(accepted))
    })?;
    Ok(Totals {
        connections: connections as usize,
        failed: failed.into_inner(),
    })
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
