//! One thread, non-blocking sockets, and a small buffer for each direction.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    os::fd::AsFd,
    time::Duration,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::SockRef;

#[derive(Default)]
struct Direction {
    buffer: Vec<u8>,
    has_ended: bool,
    is_done: bool,
    total: u64,
}

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    let relayed = both_ways([&client, &server]);
    if relayed.is_err() {
        for stream in [&client, &server] {
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }
    relayed
}

fn both_ways(ends: [&TcpStream; 2]) -> io::Result<(u64, u64)> {
    for end in ends {
        end.set_nonblocking(true)?;
    }
    let mut directions = [Direction::default(), Direction::default()];
    while directions.iter().any(|direction| !direction.is_done) {
        let interest = |i: usize| {
            let (reads, writes) = (&directions[i], &directions[1 - i]);
            let mut flags = PollFlags::empty();
            flags.set(
                PollFlags::POLLIN,
                !reads.has_ended && reads.buffer.is_empty(),
            );
            flags.set(PollFlags::POLLOUT, !writes.buffer.is_empty());
            flags
        };
        let waiting = [0, 1].map(|i| (i, interest(i)));
        let waiting = waiting.into_iter().filter(|(_, flags)| !flags.is_empty());
        let mut fds: Vec<_> = waiting
            .map(|(i, flags)| PollFd::new(ends[i].as_fd(), flags))
            .collect();
        poll(&mut fds, PollTimeout::NONE)?;
        for i in [0, 1] {
            directions[i].goes_on(ends[i], ends[1 - i])?;
        }
    }
    Ok((directions[0].total, directions[1].total))
}

impl Direction {
    fn goes_on(&mut self, mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
        if !self.has_ended && self.buffer.is_empty() {
            let mut buf = [0; 3000];
            if let Some(n) = ready(from.read(&mut buf))? {
                self.has_ended = n == 0;
                self.buffer.extend(&buf[..n]);
                self.total += n as u64;
            }
        }
        if !self.buffer.is_empty()
            && let Some(n) = ready(to.write(&self.buffer))?
        {
            self.buffer.drain(..n);
        }
        if self.has_ended && self.buffer.is_empty() && !self.is_done {
            to.shutdown(Shutdown::Write)?;
            self.is_done = true;
        }
        Ok(())
    }
}

fn ready(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}
