//! Exercise 12: backlog
//!
//! Clients come in bursts, and your server can serve only a few at a time. Write `listen`: it
//! opens a listener whose accept queue has room for a burst, or fails. Write `serve`: its workers
//! take clients from that queue, which is the only queue in the program.
//!
//! Core rules (about 25 minutes):
//!   1. `listen` listens on exactly the given address, with room for `burst` clients in the
//!      accept queue.
//!   2. `serve` calls `handle` for as many clients at once as there are workers, and never for
//!      more.
//!   3. `serve` leaves clients in the accept queue while no worker is free. It neither accepts
//!      nor closes them.
//!   4. A free worker immediately takes the client that has waited longest, whatever the other
//!      workers do.
//!   5. An error of `handle` ends that client only. The worker takes the next.
//!   6. When `accept` fails, `serve` returns that error, after the clients being served are done.
//!
//! Hardened rules (about 25 minutes more):
//!   7. `listen` does not make the queue longer than needed: at most one client more than `burst`
//!      may wait.
//!   8. If `burst` is greater than net.core.somaxconn + 1, up to usize::MAX, `listen` returns an
//!      error and leaves no descriptor open.
//!   9. A client that resets while it waits in the queue ends no worker.
//!   10. While no client waits, `serve` waits in the kernel. It neither spins nor polls in a loop
//!       of sleeps.
//!   11. Together, `listen` and `serve` serve a burst of 1000 clients with 8 workers, and no SYN
//!       is dropped.
//!
//! When `accept` fails in one worker, it fails in all of them. The kernel queues one client more
//! than the backlog: with a burst of exactly somaxconn + 1, success and an error are both right.
//! Out of scope: temporary errors of accept, such as EMFILE (exercise 1), a `handle` that panics, a
//! burst of 0 and 0 workers. `socket_workshop::listen::Listen` makes the calls of lesson `listener`.
//!
//! How to go on:
//!
//!     cargo workshop check backlog    checks it; so does  cargo test -p exercises --test backlog
//!     cargo workshop hint backlog     helps, a little more each time
//!     cargo run --example backlog     runs the lesson

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    process::ExitCode,
};

/// Listens, with room in the accept queue for a burst of clients, at least one.
pub fn listen(addr: SocketAddr, burst: usize) -> io::Result<TcpListener> {
    let _ = (addr, burst);
    todo!("find out how long a backlog the kernel gives, then listen with one as long as the burst")
}

/// Serves clients with this many workers, at least one, and returns the error of accept when that
/// fails.
pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    let _ = (listener, workers, handle);
    todo!("start the workers; each accepts a client when it has nothing to do, and handles it")
}

fn main() -> ExitCode {
    workshop::checks::backlog::SUITE.examine((listen, serve))
}
