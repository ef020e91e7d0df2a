//! Exercise 12, done: an accept queue with room for a burst, and workers who take from it.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener, TcpStream},
    process::ExitCode,
    thread::{self, ScopedJoinHandle},
};

use socket_workshop::listen::Listen;

/// Listens, with room for so many clients, at least one, whom nobody has accepted yet.
pub fn listen(addr: SocketAddr, burst: usize) -> io::Result<TcpListener> {
    // listen(2) would cut the backlog to this, and succeed. `i32::try_from`, because `as` would cut, too.
    let limit = fs::read_to_string("/proc/sys/net/core/somaxconn")?;
    let limit: i32 = limit.trim().parse().map_err(io::Error::other)?;
    let backlog = i32::try_from(burst)
        .ok()
        .filter(|backlog| *backlog <= limit);
    let too_long = || {
        io::Error::other(format!(
            "cannot queue a burst of {burst}: net.core.somaxconn is {limit}; raise it with sysctl(8)"
        ))
    };
    Listen::with_backlog(backlog.ok_or_else(too_long)?).on(addr) // the kernel queues one more
}

/// Serves clients, with so many workers, until accept fails: with its error.
///
/// The accept queue is the queue of work. It is in the order of arrival, it has a limit, and whoever
/// waits in it costs this process nothing: a thread that accepted for others would only move clients to
/// a second queue behind it.
pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    let work = || -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept()?; // the kernel wakes one of those that wait here
            let _ = handle(stream); // its error is this client's, and says nothing about the next
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
