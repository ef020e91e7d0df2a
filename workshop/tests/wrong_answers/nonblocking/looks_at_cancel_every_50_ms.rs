//! Waits for the dial in slices of 50 ms, and looks at `cancel` between them.
//!
//! rejected by: waits for the dial and for cancel at the same time
//! cause: a cancel is noticed late

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use socket2::{Domain, Socket, Type};

pub fn connect(addr: SocketAddr, limit: Duration, cancel: BorrowedFd) -> io::Result<TcpStream> {
    let started = Instant::now();
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&addr.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => return Err(error),
        _ => {} // under way; or done, which is writable immediately
    }
    wait(&socket, started, limit, cancel)?;
    // Writable: the dial is over. SO_ERROR says how, once: reading it clears it.
    match socket.take_error()? {
        Some(error) => Err(error),
        None => socket.set_nonblocking(false).map(|()| socket.into()),
    }
}

/// Waits until the dial is over.
fn wait(socket: &Socket, started: Instant, limit: Duration, cancel: BorrowedFd) -> io::Result<()> {
    loop {
        // Computed each time: a signal ends poll with EINTR, and must not move the deadline.
        let left = limit.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        if is_ready(cancel, PollFlags::POLLIN, PollTimeout::ZERO)? {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        let slice = left.min(Duration::from_millis(50));
        let slice = PollTimeout::try_from(slice).unwrap_or(PollTimeout::MAX);
        if is_ready(socket.as_fd(), PollFlags::POLLOUT, slice)? {
            return Ok(());
        }
    }
}

fn is_ready(fd: BorrowedFd, events: PollFlags, timeout: PollTimeout) -> io::Result<bool> {
    let mut fds = [PollFd::new(fd, events)];
    match poll(&mut fds, timeout) { // waits here
        Ok(_) | Err(Errno::EINTR) => Ok(fds[0].any() == Some(true)),
        Err(errno) => Err(errno.into()),
    }
}
