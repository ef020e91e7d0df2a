//! A thread for each connection, a limit on their number, and an orderly stop.
//!
//! [`serve`] owns the accept loop and the threads; what is said on a connection is the handler's
//! business. Once begun it ends for the stop and for an error of the listener itself.
//!
//! A thread that waits for its client is blocked in `read`, and three things may end that: bytes, a
//! deadline, the stop. The kernel knows of the first two; for the third the accept loop shuts down
//! the receiving half of each idle connection, and the read returns 0.

mod connection;
mod gate;
mod threads;

use std::{
    fmt, io,
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use nix::{
    fcntl::{FcntlArg, fcntl},
    sys::resource::{Resource, getrlimit, setrlimit},
    unistd::close,
};

pub use connection::Connection;
pub use gate::{Concerns, concerns};
pub use threads::a_thread_each;

use self::gate::{Entered, Gate, LONGEST_REST, Live, SHORTEST_REST};
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

/// `3 connections (1 failed)`.
impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.connections == 1 { "" } else { "s" };
        write!(
            f,
            "{} connection{plural} ({} failed)",
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
/// The listener itself has failed: nothing can be accepted any more. Threads are joined all the
/// same. Or there was too little of something to begin with.
pub fn serve<H>(
    listener: TcpListener,
    stop: &Stop,
    max_connections: usize,
    handle: H,
) -> io::Result<Totals>
where
    H: Fn(&Connection) -> io::Result<()> + Sync,
{
    make_room_for_descriptors(&listener, max_connections)?;
    let live = Live::new()?;
    let (accepted, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (queue, queued) = mpsc::channel();
    let gate = Gate::new(listener, stop, &live, max_connections)?;
    thread::scope(|scope| {
        let (live, handle, accepted, failed) = (&live, &handle, &accepted, &failed);
        let start = move |stream: TcpStream| {
            // Shared, so that the connection survives the thread that cannot be started for it.
            let number = accepted.fetch_add(1, Ordering::Relaxed);
            let entered = Arc::new(live.enter(number, stream));
            let work = |entered: Arc<Entered>| {
                let connection = Connection::new(entered.connection(), stop);
                let ended = handle(&connection).and(connection.finish());
                failed.fetch_add(usize::from(ended.is_err()), Ordering::Relaxed);
            };
            let mut rest = SHORTEST_REST;
            loop {
                let entered = Arc::clone(&entered);
                let thread = thread::Builder::new().stack_size(STACK);
                if thread.spawn_scoped(scope, move || work(entered)).is_ok() {
                    break;
                }
                if stop.wait(rest).unwrap_or(true) {
                    failed.fetch_add(1, Ordering::Relaxed); // no thread for it to the end
                    break;
                }
                rest = (rest * 2).min(LONGEST_REST);
            }
        };
        let accepting =
            thread::Builder::new().spawn_scoped(scope, move || accept(gate, queue, start))?;
        queued.into_iter().flatten().for_each(start);
        accepting.join().expect("the accept loop does not panic")
    })?;
    Ok(Totals {
        connections: accepted.into_inner(),
        failed: failed.into_inner(),
    })
}

/// The accept loop, on a thread of its own. It must keep up with clients that dial, and starting a
/// thread takes longer than dialing. So it starts a thread itself only when a single connection has
/// come, and leaves a crowd to the other thread.
fn accept(
    mut gate: Gate,
    queue: mpsc::Sender<Vec<TcpStream>>,
    start: impl Fn(TcpStream),
) -> io::Result<()> {
    let outcome = loop {
        match gate.next() {
            Ok(Some(mut accepted)) if accepted.len() == 1 => accepted.drain(..).for_each(&start),
            Ok(Some(accepted)) => drop(queue.send(accepted)), // refused only if `serve` has failed
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    drop(queue);
    gate.close().and(outcome)
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
    let copy = fcntl(listener, FcntlArg::F_DUPFD_CLOEXEC(highest))?;
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
