//! Exercise 11: window. A peer that reads slowly must not hold up a program that has others to serve.
//!
//! Build an outbox: the sending side of one connection of such a program. It writes what the kernel
//! takes, queues the rest, and never waits. Its owner waits: it gives `events` to its poll, and calls
//! `writable` when poll says POLLOUT.
//!
//! The rules it is held to:
//! - no call waits, neither blocked nor in a loop, whatever the peer does;
//! - `send` takes all of its bytes or none. With nothing queued it writes what the kernel takes at
//!   once, and queues the rest; otherwise it queues them behind what is there. The kernel's having no
//!   room is no error;
//! - at most `limit` bytes are queued. Bytes that would make it more, were the kernel to take none of
//!   them, are refused with WouldBlock; bytes that are more than `limit` by themselves, which could
//!   never be queued, with InvalidInput. Neither changes anything;
//! - `queued` says how many bytes have been taken and not yet written;
//! - `events` is POLLOUT while bytes are queued, and empty otherwise;
//! - `writable` writes what is queued, in order, as far as the kernel takes it. It may be called at
//!   any time, and with nothing to do does nothing;
//! - `finish`, which is called once, half-closes the connection, with the FIN behind the last byte: at
//!   once if nothing is queued, else by the `writable` that writes the last. After it `send` takes
//!   nothing: BrokenPipe;
//! - the owner has a handle of the stream too, to poll and to read: dropping yours sends no FIN.
//!   It may become non-blocking with yours;
//! - after a reset, a `send` or `writable` that has bytes to write returns the error that `write` gave.
//!   Behind such an error no `send`, `writable` or `finish` comes any more.
//!
//! How to go on:
//!
//!     cargo workshop check window       examines it; so does  cargo test -p exercises --test window
//!     cargo workshop hint window        helps, a little more each time
//!     cargo run --example window        is the lesson

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
    /// Takes all of these bytes, or none.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let _ = (&self.stream, self.limit, bytes);
        todo!("refuse what the limit does not allow; then queue it, and write what can be written")
    }

    /// How many bytes have been taken and not yet written.
    fn queued(&self) -> usize {
        todo!("the length of the queue")
    }

    /// What the owner's poll is to wait for.
    fn events(&self) -> PollFlags {
        todo!("POLLOUT while bytes are queued")
    }

    /// Writes what is queued, as far as the kernel takes it.
    fn writable(&mut self) -> io::Result<()> {
        todo!("write from the front of the queue until it is empty, or the kernel takes no more")
    }

    /// Sends the FIN behind the last byte.
    fn finish(&mut self) -> io::Result<()> {
        todo!("shut down the sending half, if nothing is queued; else note that it is to be done")
    }
}

fn main() -> ExitCode {
    workshop::checks::window::SUITE.examine(outbox)
}
