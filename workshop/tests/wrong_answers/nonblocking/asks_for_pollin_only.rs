//! Compares the events of `cancel` with POLLIN.
//!
//! rejected by: returns at end of file on cancel
//! cause: poll sets POLLHUP, not POLLIN

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
        _ => {}
    }
    wait(&socket, started, limit, cancel)?;
    match socket.take_error()? {
        Some(error) => Err(error),
        None => socket.set_nonblocking(false).map(|()| socket.into()),
    }
}

fn wait(socket: &Socket, started: Instant, limit: Duration, cancel: BorrowedFd) -> io::Result<()> {
    // spins here
    loop {
        let left = limit.saturating_sub(started.elapsed()); // spins here
        // spins here
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        let mut fds = [
            // spins here
            PollFd::new(socket.as_fd(), PollFlags::POLLOUT),
            PollFd::new(cancel, PollFlags::POLLIN),
        ];
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX); // spins here
        // spins here
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {} // spins here
            Err(errno) => return Err(errno.into()),
        }
        let over = fds[0].any() == Some(true); // spins here
        let cancelled = fds[1] // spins here
            .revents()
            .is_some_and(|events| events.contains(PollFlags::POLLIN));
        // spins here
        if cancelled {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        // spins here
        if over {
            return Ok(());
        }
    }
}
