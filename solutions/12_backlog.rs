//! Exercise 12, done: an accept queue with room for a burst, and workers that accept from it.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener, TcpStream},
    process::ExitCode,
    thread::{self, ScopedJoinHandle},
};

use socket_workshop::listen::Listen;

/// Listens, with room in the accept queue for a burst of clients, at least one.
pub fn listen(addr: SocketAddr, burst: usize) -> io::Result<TcpListener> {
    // listen(2) would cut the backlog to this, and succeed. `as` would cut the number, too.
    let limit = fs::read_to_string("/proc/sys/net/core/somaxconn")?;
    let limit: i32 = limit.trim().parse().map_err(io::Error::other)?;
    let backlog = i32::try_from(burst)
        .ok()
        .filter(|backlog| *backlog <= limit);
    let too_long = || {
        io::Error::other(format!(
            "cannot queue a burst of {burst}: net.core.somaxconn is {limit}; raise it with \
             sysctl(8)"
        ))
    };
    Listen::with_backlog(backlog.ok_or_else(too_long)?).on(addr) // the kernel queues one more
}

/// Serves clients with this many workers, at least one, and returns the error of accept when that
/// fails.
///
/// The accept queue is the queue of work. It is in the order of arrival, it has a limit, and a
/// client that waits in it costs this process nothing. A thread that accepted for the workers would
/// only move clients to a second queue.
pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    let work = || -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept()?; // the kernel wakes one of those that wait here
            let _ = handle(stream); // an error ends this client only
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let ended = |worker: ScopedJoinHandle<_>| worker.join().expect("`handle` does not panic");
        workers.into_iter().try_for_each(ended)
    })
}

fn main() -> ExitCode {
    workshop::checks::backlog::SUITE.examine((listen, serve))
}
