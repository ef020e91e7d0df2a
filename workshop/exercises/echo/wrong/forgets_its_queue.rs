//! Returns at end of file, and forgets what its queue still holds.
//!
//! rejected by: echoes what arrived before end of file
//! cause: before it has written everything that arrived

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    os::fd::AsFd,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buf = [0; 8 << 10];
    let mut total = 0;
    let mut queue = VecDeque::new();
    stream.set_nonblocking(true)?;
    loop {
        // A client may send everything before it reads anything: never wait for it in a write.
        let mut events = PollFlags::POLLIN;
        events.set(PollFlags::POLLOUT, !queue.is_empty());
        match poll(
            &mut [PollFd::new(stream.as_fd(), events)],
            PollTimeout::NONE,
        ) {
            Err(nix::Error::EINTR) => continue,
            ready => ready?,
        };
        match stream.read(&mut buf) {
            Ok(0) => return Ok(total),
            Ok(n) => {
                queue.extend(&buf[..n]);
                total += n as u64;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        while !queue.is_empty() {
            match stream.write(queue.as_slices().0) {
                Ok(n) => drop(queue.drain(..n)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
    }
}
