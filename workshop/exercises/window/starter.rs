//! Exercise 11: window
//!
//! A peer that reads slowly must not block a program that has other connections to serve. Build an
//! outbox, the sending side of one connection: it writes what the kernel takes, queues the rest,
//! and never waits. Its owner does the waiting: it passes `events` to poll, and calls `writable`
//! when poll reports POLLOUT.
//!
//! Core rules (about 30 minutes):
//!   1. Never wait in any call. Do not block, sleep or retry until the peer reads.
//!   2. In `send`, with nothing queued, write immediately what the kernel takes. Queue the rest.
//!   3. In `send`, keep the order: put new bytes after those that are queued.
//!   4. In `queued`, return how many bytes were accepted and are not yet written.
//!   5. In `events`, return POLLOUT while bytes are queued, and an empty set otherwise.
//!   6. In `writable`, write from the front of the queue until it is empty or the kernel takes no
//!      more. With nothing queued, return Ok.
//!   7. In `finish`, half-close the connection after the last byte: immediately if nothing is
//!      queued, otherwise in the `writable` that writes the last byte.
//!
//! Hardened rules (about 30 minutes more):
//!   8. Queue at most `limit` bytes. If a `send` of at most `limit` bytes does not fit beside those
//!      that are queued, refuse it with WouldBlock, even if the kernel has room.
//!   9. Refuse a `send` of more than `limit` bytes with InvalidInput, even if the kernel has room.
//!   10. Accept all bytes of a `send` or none. A refused `send` writes nothing and queues nothing.
//!   11. Accept any `limit`, from 0 to `usize::MAX`.
//!   12. After `finish`, refuse every `send` with BrokenPipe.
//!   13. Shut down once. A later `writable` returns Ok, even if the peer has closed too.
//!   14. After a reset, return the error that `write` returned. Do not panic.
//!   15. Leave the receiving half to the owner: read nothing, and shut down the sending half only.
//!   16. Change no option of the socket. Only O_NONBLOCK may be set.
//!   17. When the outbox is dropped, leave no descriptor and no thread.
//!
//! The owner has a handle of the same socket, to poll and to read. It calls `finish` once, and
//! calls nothing more after an error of rule 14.
//!
//! How to go on:
//!
//!     cargo workshop check window     checks it; so does  cargo test -p exercises --test window
//!     cargo workshop hint window      helps, a little more each time
//!     cargo run --example window      runs the lesson

use std::{io, net::TcpStream, process::ExitCode};

use nix::poll::PollFlags;
use workshop::checks::window::Outbox;

/// Yours: give it the fields that it needs.
struct Queue {
    stream: TcpStream,
    limit: usize,
}

/// An outbox for a new connection.
pub fn outbox(stream: TcpStream, limit: usize) -> io::Result<Box<dyn Outbox>> {
    let _ = Queue { stream, limit };
    todo!("make the stream non-blocking, and return a boxed `Queue` with nothing in it")
}

impl Outbox for Queue {
    /// Accepts all of these bytes, or none.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let _ = (&self.stream, self.limit, bytes);
        todo!(
            "refuse what the limit does not allow; then queue the bytes, and write what the kernel \
             takes"
        )
    }

    /// How many bytes were accepted and are not yet written.
    fn queued(&self) -> usize {
        todo!("the length of the queue")
    }

    /// The events for which the owner polls.
    fn events(&self) -> PollFlags {
        todo!("POLLOUT while bytes are queued")
    }

    /// Writes what is queued, until the kernel takes no more.
    fn writable(&mut self) -> io::Result<()> {
        todo!("write from the front of the queue until it is empty, or the kernel takes no more")
    }

    /// Sends the FIN after the last byte.
    fn finish(&mut self) -> io::Result<()> {
        todo!(
            "shut down the sending half if nothing is queued; otherwise note that it is to be done"
        )
    }
}

fn main() -> ExitCode {
    workshop::checks::window::SUITE.examine(outbox)
}
