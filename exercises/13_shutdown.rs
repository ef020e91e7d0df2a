//! Exercise 13: shutdown
//!
//! A server must stop when it is told to, whatever its clients do, and clients that connected in
//! time must not notice. Write `Server`: `start` serves each client with a call of `serve`, which
//! gets the stream, and whose return ends the call. `stop` ends the server within a limit.
//!
//! Core rules (about 35 minutes):
//!   1. `start` returns immediately. Other threads accept and serve.
//!   2. Call `serve` for each client as soon as it connects, on a thread of its own, whatever the
//!      other clients do.
//!   3. Close a connection when its `serve` has returned.
//!   4. Do not read from a connection, write to it, or set an option on it. How long a call waits
//!      is for `serve` to say.
//!   5. `stop` returns immediately if no call is under way, whatever address the listener has.
//!   6. After `stop` was called, refuse new clients, even while calls are under way: no socket of
//!      yours is in LISTEN.
//!   7. `stop` leaves the calls under way alone until the limit. It returns as soon as the last one
//!      is over.
//!   8. At the limit close every connection that is left, whatever its call waits for, and return.
//!      The limit is one for all calls.
//!   9. `stop` returns the number of connections that it closed at the limit.
//!
//! Hardened rules (about 25 minutes more):
//!   10. Serve every client that was in the accept queue when `stop` was called.
//!   11. A connection that is reset ends its own call and nothing else. Do not panic.
//!   12. Wait without spinning. While nothing happens, your threads use at most a twentieth of a
//!       processor.
//!   13. A limit of zero has passed already: close every connection, and return.
//!   14. Leave no thread and no descriptor behind when `stop` has returned.
//!
//! `serve` returns when its connection is closed. The client of a connection that you close at the
//! limit may get end of file or a reset. Limits are of seconds: `Instant::now() + limit` does not
//! overflow. Errors of accept, and running out of descriptors or threads, belong to exercise
//! `listener`.
//!
//! How to go on:
//!
//!     cargo workshop check shutdown  checks it; so does  cargo test -p exercises --test shutdown
//!     cargo workshop hint shutdown   helps, a little more each time
//!     cargo run --example shutdown   runs the lesson

use std::{
    io,
    net::{TcpListener, TcpStream},
    process::ExitCode,
    time::Duration,
};

use workshop::checks::shutdown::{SUITE, Stop};

/// A server under way.
pub struct Server {
    // What `stop` needs: something that wakes the thread that accepts, and that thread.
}

impl Server {
    /// Begins to serve every client that connects to the listener.
    pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Server> {
        let _ = (listener, serve);
        todo!(
            "start a thread that waits for clients and for the stop signal, and gives each \
             connection a thread"
        )
    }

    /// Ends the server, at the limit at the latest. Returns how many connections it closed then.
    pub fn stop(self, limit: Duration) -> io::Result<usize> {
        let _ = limit;
        todo!(
            "wake the thread that accepts, let it empty the accept queue and close the listener; \
             then wait"
        )
    }
}

/// What the checks call: to them a server is the function that stops it. Leave it as it is.
pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    let server = Server::start(listener, serve)?;
    Ok(Box::new(|limit| server.stop(limit)))
}

fn main() -> ExitCode {
    SUITE.examine(start)
}
