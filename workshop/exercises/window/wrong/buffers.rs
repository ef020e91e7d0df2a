//! Writes into a BufWriter, which keeps the bytes until it is full.
//!
//! rejected by: writes immediately what the kernel takes
//! cause: in a buffer of yours

use std::{
    io::{self, BufWriter, ErrorKind, Write},
    net::{Shutdown, TcpStream},
};

use nix::poll::PollFlags;
use workshop::checks::window::Outbox;

struct Buffered(BufWriter<TcpStream>);

pub fn outbox(stream: TcpStream, limit: usize) -> io::Result<Box<dyn Outbox>> {
    stream.set_nonblocking(true)?;
    Ok(Box::new(Buffered(BufWriter::with_capacity(limit, stream))))
}

fn not_now(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| match error.kind() {
        ErrorKind::WouldBlock => Ok(()),
        _ => Err(error),
    })
}

impl Outbox for Buffered {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > self.0.capacity() {
            return Err(ErrorKind::InvalidInput.into());
        }
        if self.0.buffer().len() + bytes.len() > self.0.capacity() {
            return Err(ErrorKind::WouldBlock.into());
        }
        not_now(self.0.write_all(bytes))
    }

    fn queued(&self) -> usize {
        0
    }

    fn events(&self) -> PollFlags {
        PollFlags::empty()
    }

    fn writable(&mut self) -> io::Result<()> {
        not_now(self.0.flush())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.writable()?;
        self.0.get_ref().shutdown(Shutdown::Write)
    }
}
