//! Writes one piece of its queue per call.
//!
//! rejected by: empties the queue in one call
//! cause: while the kernel still had room

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Write},
    net::{Shutdown, TcpStream},
};

use nix::poll::PollFlags;
use workshop::checks::window::Outbox;

struct Queue {
    stream: TcpStream,
    limit: usize,
    pieces: VecDeque<Vec<u8>>,
    finished: bool,
    fin_sent: bool,
}

pub fn outbox(stream: TcpStream, limit: usize) -> io::Result<Box<dyn Outbox>> {
    stream.set_nonblocking(true)?;
    Ok(Box::new(Queue {
        stream,
        limit,
        pieces: VecDeque::new(),
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
        if self.queued() + bytes.len() > self.limit {
            return Err(ErrorKind::WouldBlock.into());
        }
        let direct = self.pieces.is_empty();
        self.pieces.push_back(bytes.to_vec());
        if direct { self.writable() } else { Ok(()) }
    }

    fn queued(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum()
    }

    fn events(&self) -> PollFlags {
        if self.pieces.is_empty() {
            PollFlags::empty()
        } else {
            PollFlags::POLLOUT
        }
    }

    fn writable(&mut self) -> io::Result<()> {
        if let Some(piece) = self.pieces.front_mut() {
            match self.stream.write(piece) {
                Ok(n) => drop(piece.drain(..n)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
        if self.finished && self.pieces.is_empty() && !self.fin_sent {
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
