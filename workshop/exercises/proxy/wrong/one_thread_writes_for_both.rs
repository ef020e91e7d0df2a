//! Polls both connections, and blocks in the write to one of them.
//!
//! rejected by: serves one direction while the other is blocked
//! cause: it delays both

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    os::fd::AsFd,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    let (mut totals, mut open) = ([0, 0], [true, true]);
    let mut buf = [0; 4096];
    while open != [false, false] {
        let ends = [&client, &server];
        let readable = PollFlags::POLLIN;
        let interest = |i: usize| {
            if open[i] {
                readable
            } else {
                PollFlags::empty()
            }
        };
        let mut fds = [0, 1].map(|i| PollFd::new(ends[i].as_fd(), interest(i)));
        poll(&mut fds, PollTimeout::NONE)?;
        for i in [0, 1] {
            let ready = fds[i].revents().is_some_and(|events| !events.is_empty());
            if !open[i] || !ready {
                continue;
            }
            let (mut from, mut to) = (ends[i], ends[1 - i]);
            let n = from.read(&mut buf)?;
            if n == 0 {
                to.shutdown(Shutdown::Write)?;
                open[i] = false;
            }
            to.write_all(&buf[..n])?; // hangs here
            totals[i] += n as u64;
        }
    }
    Ok((totals[0], totals[1]))
}
