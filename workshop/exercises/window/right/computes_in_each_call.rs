//! Slow: computes for 20 ms in each call that writes.

use std::{
    io::{self, ErrorKind, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use nix::{
    poll::PollFlags,
    time::{ClockId, clock_gettime},
};
use workshop::checks::window::Outbox;

struct Queue {
    stream: TcpStream,
    limit: usize,
    bytes: Vec<u8>,
    finished: bool,
    fin_sent: bool,
}

pub fn outbox(stream: TcpStream, limit: usize) -> io::Result<Box<dyn Outbox>> {
    stream.set_nonblocking(true)?;
    Ok(Box::new(Queue {
        stream,
        limit,
        bytes: Vec::new(),
        finished: false,
        fin_sent: false,
    }))
}

impl Outbox for Queue {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.finished {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if bytes.len() > self.limit {
            return Err(ErrorKind::InvalidInput.into());
        }
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.bytes.extend(bytes);
        self.writable()
    }

    fn queued(&self) -> usize {
        self.bytes.len()
    }

    fn events(&self) -> PollFlags {
        if self.bytes.is_empty() {
            PollFlags::empty()
        } else {
            PollFlags::POLLOUT
        }
    }

    fn writable(&mut self) -> io::Result<()> {
        let begun = used();
        while used() - begun < Duration::from_millis(20) {}
        while !self.bytes.is_empty() {
            match self.stream.write(&self.bytes) {
                Ok(n) => drop(self.bytes.drain(..n)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        if self.finished && !self.fin_sent {
            self.stream.shutdown(Shutdown::Write)?;
            self.fin_sent = true;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.finished = true;
        self.writable()
    }
}

/// The CPU time of this thread so far.
fn used() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::MAX, Duration::from)
}
