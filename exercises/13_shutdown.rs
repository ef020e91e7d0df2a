//! Exercise 13: shutdown
//!
//! A deployment stops your server while clients are being served. If the process just exits,
//! their answers are lost. Build a server that stops in order: it serves the clients that
//! connected in time, refuses new ones, and closes what is left when a time limit has passed.
//!
//! A call of `serve` serves one connection: it gets the stream, and the call is over when it
//! returns.
//!
//! Core rules (about 30 minutes):
//!   1. `start` returns immediately. The server accepts on another thread.
//!   2. Call `serve` for each client as soon as it connects, on a thread of its own, also while
//!      other clients are silent.
//!   3. When `serve` has returned, close its connection.
//!   4. `stop` returns immediately if no call is under way, whatever address the listener has.
//!   5. Serve the clients that wait in the accept queue when `stop` is called, and reset none of
//!      them.
//!   6. `stop` closes the listener before it waits for calls. The kernel then refuses new
//!      clients.
//!   7. Until the limit, leave calls under way alone. `stop` returns as soon as the last one is
//!      over.
//!   8. At the limit, `stop` closes the connections that are left, and returns how many they
//!      were.
//!
//! Hardened rules (about 25 minutes more):
//!   9. The limit ends every call, whether it waits in a read or in a write.
//!   10. One limit holds for all calls together. It starts when `stop` is called, and a call that
//!      ends does not extend it.
//!   11. With a limit of zero, `stop` closes the connections immediately.
//!   12. Give `serve` a connection that blocks and has no timeout. Set no other option on it.
//!   13. A reset ends the call of that connection only. Do not panic.
//!   14. While nothing happens, wait in the kernel. Use less than 5 % of a processor.
//!   15. When `stop` returns, no thread of the server is left.
//!   16. When `stop` returns, every descriptor of the server is closed.
//!
//! You may assume that `serve` does not panic, that it returns when its connection has been shut
//! down, and that `Instant::now() + limit` does not overflow. Errors of accept and a lack of
//! descriptors are the subject of exercise `listener`, not of this one.
//!
//! How to go on:
//!
//!     cargo workshop check shutdown   checks it; so does  cargo test -p exercises --test shutdown
//!     cargo workshop hint shutdown    helps, a little more each time
//!     cargo run --example shutdown    runs the lesson

use std::{
    io,
    net::{TcpListener, TcpStream},
    process::ExitCode,
    time::Duration,
};

use workshop::checks::shutdown::{SUITE, Stop};

/// A running server.
pub struct Server {
    // What `stop` needs: a way to wake the thread that accepts, and the handle of that thread.
}

impl Server {
    /// Starts to serve the clients that connect to the listener.
    pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Server> {
        let _ = (listener, serve);
        todo!(
            "start a thread that waits for clients and the stop signal, and a thread for each \
             client"
        )
    }

    /// Stops the server, at the limit at the latest. Returns how many connections it had to close.
    pub fn stop(self, limit: Duration) -> io::Result<usize> {
        let _ = limit;
        todo!(
            "wake the thread that accepts, let it empty the queue and close the listener, then wait"
        )
    }
}

/// The checks call this, and stop the server with the function that it returns. Leave it as it is.
pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    let server = Server::start(listener, serve)?;
    Ok(Box::new(|limit| server.stop(limit)))
}

fn main() -> ExitCode {
    SUITE.examine(start)
}
