//! One thread, a non-blocking socket, and poll.

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
use socket_workshop::deadline::Deadline;

pub fn answer(mut stream: TcpStream, mut bytes: &[u8], limit: Duration) -> io::Result<()> {
    let deadline = Deadline::after(limit);
    stream.set_nonblocking(true)?;
    let (mut shut_down, mut heard) = (false, false);
    while !(shut_down && heard) {
        if bytes.is_empty() && !shut_down {
            half_close(&stream)?;
            shut_down = true;
            continue;
        }
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::POLLIN, !heard);
        wanted.set(PollFlags::POLLOUT, !bytes.is_empty());
        // Rounded up: a poll that ends a little too early would be one more round.
        let milliseconds = deadline.remaining()?.as_millis() + 1;
        let timeout = PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(stream.as_fd(), wanted)], timeout) {
            Err(Errno::EINTR) => continue,
            ready => ready?,
        };
        if !bytes.is_empty() {
            match stream.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                n => bytes = &bytes[n?..],
            }
        }
        if !heard {
            match stream.read(&mut [0; 4096]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                n => heard = n? == 0,
            }
        }
    }
    Ok(())
}

/// The FIN. After a reset `shutdown` reports NotConnected, and SO_ERROR what it was.
fn half_close(stream: &TcpStream) -> io::Result<()> {
    match stream.shutdown(Shutdown::Write) {
        Err(error) => Err(stream.take_error()?.unwrap_or(error)),
        ok => ok,
    }
}
