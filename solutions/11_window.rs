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
    BehindTheLastByte,
    Sent,
}

/// An outbox for a new connection.
pub fn outbox(stream: TcpStream, limit: usize) -> io::Result<Box<dyn Outbox>> {
    // O_NONBLOCK belongs to the open file, not to a handle: the owner's reads will not block either.
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
        // All that may refuse comes first: once a byte is queued or written, none of it can be undone.
        if self.fin != Fin::NotYet {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if bytes.len() > self.limit {
            return Err(ErrorKind::InvalidInput.into());
        }
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(ErrorKind::WouldBlock.into());
        }
        // Behind what is there, and then from the front: there is one way into the stream, so nothing
        // overtakes, and the kernel gets at once what it has room for.
        self.bytes.extend(bytes);
        self.writable()
    }

    fn queued(&self) -> usize {
        self.bytes.len()
    }

    fn events(&self) -> PollFlags {
        // An idle socket is nearly always writable: poll would return at once, for nothing.
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
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()), // poll will tell
                Err(error) => return Err(error), // a reset is the owner's to know
            }
        }
        if self.fin == Fin::BehindTheLastByte {
            self.stream.shutdown(Shutdown::Write)?;
            self.fin = Fin::Sent; // a second `shutdown` fails, once the peer has closed too: ENOTCONN
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.fin = Fin::BehindTheLastByte;
        self.writable() // with nothing queued nobody else would call it
    }
}

fn main() -> ExitCode {
    workshop::checks::window::SUITE.examine(outbox)
}
