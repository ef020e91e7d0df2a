//! Never blocked in a read or a write: a non-blocking socket, and poll.

use std::{
    io::{self, ErrorKind::WouldBlock, Read, Write},
    net::TcpStream,
    os::fd::AsFd,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    stream.set_nonblocking(true)?;
    let (mut held, mut total, mut ended, mut buf) = (Vec::new(), 0, false, [0; 4096]);
    while !ended || !held.is_empty() {
        let mut events = PollFlags::empty();
        events.set(PollFlags::POLLIN, !ended && held.len() < 64 << 10);
        events.set(PollFlags::POLLOUT, !held.is_empty());
        match poll(
            &mut [PollFd::new(stream.as_fd(), events)],
            PollTimeout::NONE,
        ) {
            Err(nix::Error::EINTR) => continue,
            ready => ready?,
        };
        if events.contains(PollFlags::POLLIN) {
            match stream.read(&mut buf) {
                Err(error) if error.kind() == WouldBlock => {}
                read => {
                    let n = read?;
                    ended = n == 0;
                    total += n as u64;
                    held.extend(&buf[..n]);
                }
            }
        }
        match stream.write(&held) {
            Err(error) if error.kind() == WouldBlock => {}
            written => drop(held.drain(..written?)),
        }
    }
    Ok(total)
}
