//! Enlarges the send buffer, so that the kernel takes more.
//!
//! rejected by: puts new bytes after queued ones
//! cause: your code has changed the socket

use std::{
    io::{self, ErrorKind, Write},
    net::{Shutdown, TcpStream},
};

use nix::poll::PollFlags;
use workshop::checks::window::Outbox;

/// The sending side of one connection.
struct Queue {
    stream: TcpStream,
    limit: usize,
    queue: Vec<u8>,
    /// How much of `queue` is written.
    done: usize,
    finished: bool,
    shut: bool,
}

/// An outbox for a new connection.
pub fn outbox(stream: TcpStream, limit: usize) -> io::Result<Box<dyn Outbox>> {
    stream.set_nonblocking(true)?;
    // What lies in the kernel counts, too: bound it like the queue.
    let size = limit.clamp(16 * 1024, 256 * 1024);
    socket2::SockRef::from(&stream).set_send_buffer_size(size)?;
    Ok(Box::new(Queue {
        stream,
        limit,
        queue: Vec::new(),
        done: 0,
        finished: false,
        shut: false,
    }))
}

impl Queue {
    /// Writes what the kernel takes now; 0 if it takes nothing.
    fn write_now(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        let mut stream = stream;
        let mut written = 0;
        while written < bytes.len() {
            match stream.write(&bytes[written..]) {
                Ok(n) => written += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }
}

impl Outbox for Queue {
    /// Accepts all of these bytes, or none.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.finished {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if bytes.len() > self.limit {
            return Err(ErrorKind::InvalidInput.into());
        }
        if bytes.len() > self.limit - self.queued() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let written = match self.queued() == 0 {
            true => Self::write_now(&self.stream, bytes)?,
            false => 0,
        };
        self.queue.extend_from_slice(&bytes[written..]);
        Ok(())
    }

    /// How many bytes were accepted and are not yet written.
    fn queued(&self) -> usize {
        self.queue.len() - self.done
    }

    /// The events for which the owner polls.
    fn events(&self) -> PollFlags {
        if self.queue.is_empty() {
            PollFlags::empty()
        } else {
            PollFlags::POLLOUT
        }
    }

    /// Writes what is queued, until the kernel takes no more.
    fn writable(&mut self) -> io::Result<()> {
        self.done += Self::write_now(&self.stream, &self.queue[self.done..])?;
        if self.done < self.queue.len() {
            // Move the rest to the front only when it is worth it.
            if self.done > self.queue.len() / 2 {
                self.queue.drain(..self.done);
                self.done = 0;
            }
            return Ok(());
        }
        self.queue = Vec::new();
        self.done = 0;
        if self.finished && !self.shut {
            self.shut = true;
            self.stream.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    /// Sends the FIN after the last byte.
    fn finish(&mut self) -> io::Result<()> {
        self.finished = true;
        if self.queue.is_empty() {
            self.shut = true;
            self.stream.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }
}
