//! Another right answer, frozen: one thread, which polls both sides. Edits of `mistakes.diff` are made to it.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    os::fd::AsFd,
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use socket2::SockRef;

/// Passes on what each side sends to the other until both have ended. Returns how many bytes went
/// to the server and how many to the client. One thread, which waits in poll for both.
pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    let relayed = both_ways(&client, &server);
    if relayed.is_err() {
        abort(&client);
        abort(&server);
    }
    relayed
}

fn both_ways(client: &TcpStream, server: &TcpStream) -> io::Result<(u64, u64)> {
    client.set_nonblocking(true)?;
    server.set_nonblocking(true)?;
    let (mut there, mut back) = (Way::default(), Way::default());
    loop {
        there.step(client, server)?;
        back.step(server, client)?;
        if there.passed_on && back.passed_on {
            return Ok((there.total, back.total));
        }
        let wanted = [
            (client, events(there.reads(), back.writes())),
            (server, events(back.reads(), there.writes())),
        ];
        let mut fds: Vec<PollFd> = wanted
            .iter()
            .filter(|(_, events)| !events.is_empty())
            .map(|(stream, events)| PollFd::new(stream.as_fd(), *events))
            .collect();
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn events(reads: bool, writes: bool) -> PollFlags {
    let mut events = PollFlags::empty();
    events.set(PollFlags::POLLIN, reads);
    events.set(PollFlags::POLLOUT, writes);
    events
}

/// How much is read at once.
const ROOM: usize = 256 << 10;

/// One direction.
#[derive(Default)]
struct Way {
    /// Read and not yet written.
    held: Vec<u8>,
    ended: bool,
    passed_on: bool,
    total: u64,
}

impl Way {
    /// A read if nothing is held, and then a write.
    fn step(&mut self, mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
        if self.held.is_empty() && !self.ended {
            self.held.resize(ROOM, 0);
            let read = from.read(&mut self.held);
            self.held.truncate(*read.as_ref().unwrap_or(&0));
            match read {
                Ok(n) => self.ended = n == 0,
                Err(error) if is_not_now(&error) => {}
                Err(error) => return Err(error),
            }
        }
        if !self.held.is_empty() {
            match to.write(&self.held) {
                Ok(n) => {
                    self.total += n as u64;
                    self.held.drain(..n);
                }
                Err(error) if is_not_now(&error) => {}
                Err(error) => return Err(error),
            }
        }
        if self.ended && self.held.is_empty() && !self.passed_on {
            to.shutdown(Shutdown::Write)?;
            self.passed_on = true;
        }
        Ok(())
    }

    fn reads(&self) -> bool {
        self.held.is_empty() && !self.ended
    }

    fn writes(&self) -> bool {
        !self.held.is_empty()
    }
}

fn is_not_now(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Turns the later close into an RST, and wakes a read that waits.
fn abort(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Read);
}
