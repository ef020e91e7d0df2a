//! Exercise 11, done: an outbox that never waits.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Write},
    net::{Shutdown, TcpStream},
    process::ExitCode,
};

use nix::poll::PollFlags;
use workshop::checks::window::Outbox;

/// Bytes on their way into a non-blocking stream.
struct Queue {
    stream: TcpStream,
    limit: usize,
    bytes: VecDeque<u8>,
    fin: Fin,
}

#[derive(PartialEq)]
enum Fin {
    NotYet,
    AfterTheLastByte,
    Sent,
}

/// An outbox for a new connection.
pub fn outbox(stream: TcpStream, limit: usize) -> io::Result<Box<dyn Outbox>> {
    // O_NONBLOCK belongs to the open file, not to a handle: the owner's reads will not block
    // either.
    stream.set_nonblocking(true)?;
    Ok(Box::new(Queue {
        stream,
        limit,
        bytes: VecDeque::new(),
        fin: Fin::NotYet,
    }))
}

impl Outbox for Queue {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        // All refusals come first: a byte that is queued or written cannot be taken back.
        if self.fin != Fin::NotYet {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if bytes.len() > self.limit {
            return Err(ErrorKind::InvalidInput.into());
        }
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(ErrorKind::WouldBlock.into());
        }
        // Bytes enter the queue at its end and leave it at its front, so nothing overtakes. The
        // kernel gets immediately what it has room for.
        self.bytes.extend(bytes);
        self.writable()
    }

    fn queued(&self) -> usize {
        self.bytes.len()
    }

    fn events(&self) -> PollFlags {
        // An idle socket is nearly always writable: poll would return immediately, for nothing.
        match self.bytes.is_empty() {
            true => PollFlags::empty(),
            false => PollFlags::POLLOUT,
        }
    }

    fn writable(&mut self) -> io::Result<()> {
        while !self.bytes.is_empty() {
            // A ring's bytes lie in two pieces. The front one is never empty while there are any.
            match self.stream.write(self.bytes.as_slices().0) {
                Ok(n) => drop(self.bytes.drain(..n)), // what was taken, which may be a part
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error), // the owner must know of a reset
            }
        }
        if self.fin == Fin::AfterTheLastByte {
            self.stream.shutdown(Shutdown::Write)?;
            self.fin = Fin::Sent; // a second `shutdown` fails after the peer's FIN: ENOTCONN
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.fin = Fin::AfterTheLastByte;
        self.writable() // with nothing queued the owner will not call it
    }
}

fn main() -> ExitCode {
    workshop::checks::window::SUITE.examine(outbox)
}
