//! Exercise 13: shutdown. A server must stop when it is told to, whatever its clients do, and who has
//! come in time must not notice.
//!
//! Build a server that can be stopped. Each connection is one call: `serve` gets the stream, and when it
//! returns the call is over.
//!
//! The rules that `start` is held to:
//! - it returns at once; the clients are served on other threads, each on one of its own, as soon as it
//!   has connected and whatever the others do;
//! - when `serve` has returned, the connection is closed;
//! - nothing but `serve` reads, writes or limits a connection: a client may be silent for long;
//! - a connection that has been reset ends its own call and nothing else;
//! - while nothing happens the threads wait, and do not spin: a twentieth of a processor is the most
//!   that they may use.
//!
//! The rules that `stop` is held to:
//! - an idle server stops at once, whatever address its listener has;
//! - who was in the accept queue when `stop` was called is served like anybody else, and not reset;
//! - who comes after is refused, also while calls are still under way: the port is no longer in LISTEN;
//! - the calls under way go on. As soon as all are over, `stop` returns;
//! - at the limit, which is one for all of them, the connections that are left are closed, whatever
//!   their calls wait for. Then `stop` returns. Their clients may get end of file or a reset;
//! - it returns how many connections were cut off so, and leaves no thread and no descriptor. You may
//!   take it that `serve` returns when its connection has been closed.
//!
//! Limits are of seconds: `Instant::now() + limit` does not overflow. Left out here: errors of accept,
//! and running out of descriptors or threads (exercise `listener`).
//!
//! How to go on:
//!
//!     cargo workshop check shutdown   examines it; so does  cargo test -p exercises --test shutdown
//!     cargo workshop hint shutdown    helps, a little more each time
//!     cargo run --example shutdown    is the lesson

use std::{
    io,
    net::{TcpListener, TcpStream},
    process::ExitCode,
    time::Duration,
};

use workshop::checks::shutdown::{SUITE, Stop};

/// A server under way.
pub struct Server {
    // What `stop` needs: something that wakes the thread which accepts, and that thread.
}

impl Server {
    /// Begins to serve whoever connects to the listener.
    pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Server> {
        let _ = (listener, serve);
        todo!(
            "start a thread that waits for the listener and for the wish to stop, and gives each connection a thread"
        )
    }

    /// Ends the server, by the limit at the latest. Returns how many connections it had to cut off.
    pub fn stop(self, limit: Duration) -> io::Result<usize> {
        let _ = limit;
        todo!(
            "wake the thread that accepts, let it take whoever is queued, and close the listener; then wait"
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
