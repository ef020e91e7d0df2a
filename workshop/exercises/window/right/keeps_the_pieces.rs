//! Keeps the pieces as they were given, and where in the first one it is; writes directly if it
//! can.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Write},
    net::{Shutdown, TcpStream},
};

use nix::poll::PollFlags;
use workshop::checks::window::Outbox;

struct Pieces {
    stream: Option<TcpStream>,
    pieces: VecDeque<Vec<u8>>,
    written: usize,
    queued: usize,
    limit: usize,
    ending: bool,
}

pub fn outbox(stream: TcpStream, limit: usize) -> io::Result<Box<dyn Outbox>> {
    stream.set_nonblocking(true)?;
    Ok(Box::new(Pieces {
        stream: Some(stream),
        pieces: VecDeque::new(),
        written: 0,
        queued: 0,
        limit,
        ending: false,
    }))
}

fn write(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    stream.write(bytes).or_else(|error| match error.kind() {
        ErrorKind::WouldBlock => Ok(0),
        _ => Err(error),
    })
}

impl Outbox for Pieces {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(stream) = self.stream.as_ref().filter(|_| !self.ending) else {
            return Err(ErrorKind::BrokenPipe.into());
        };
        match self.limit.checked_sub(bytes.len()) {
            None => return Err(ErrorKind::InvalidInput.into()),
            Some(room) if room < self.queued => return Err(ErrorKind::WouldBlock.into()),
            Some(_) => {}
        }
        let n = if self.queued == 0 {
            write(stream, bytes)?
        } else {
            0
        };
        if n < bytes.len() {
            self.queued += bytes.len() - n;
            self.pieces.push_back(bytes[n..].to_vec());
        }
        Ok(())
    }

    fn queued(&self) -> usize {
        self.queued
    }

    fn events(&self) -> PollFlags {
        let mut events = PollFlags::empty();
        events.set(PollFlags::POLLOUT, !self.pieces.is_empty());
        events
    }

    fn writable(&mut self) -> io::Result<()> {
        let Some(stream) = &self.stream else {
            return Ok(());
        };
        while let Some(first) = self.pieces.front() {
            let n = write(stream, &first[self.written..])?;
            if n == 0 {
                return Ok(());
            }
            self.queued -= n;
            self.written += n;
            if self.written == first.len() {
                self.written = 0;
                self.pieces.pop_front();
            }
        }
        if self.ending {
            stream.shutdown(Shutdown::Write)?;
            self.stream = None; // and with it every later thought of it
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.ending = true;
        self.writable()
    }
}
