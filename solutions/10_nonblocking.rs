//! Exercise 10, done: a dial that ends by a deadline, or when it is cancelled.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    os::fd::{AsFd, BorrowedFd},
    process::ExitCode,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use socket2::{Domain, Socket, Type};

/// Connects, unless the limit passes first or `cancel` becomes readable.
///
/// A socket that is not returned is dropped on every path: that closes it and ends its dial.
///
/// # Errors
/// Why the dial failed; [`ErrorKind::TimedOut`]; [`ErrorKind::ConnectionAborted`] if cancelled.
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
        let mut fds = [
            PollFd::new(socket.as_fd(), PollFlags::POLLOUT),
            PollFd::new(cancel, PollFlags::POLLIN),
        ];
        // In milliseconds, rounded up: poll would not wait at all for a part of one. At most 24
        // days; after that the loop computes what is left and polls again.
        let left = left.saturating_add(Duration::from_micros(999));
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        // poll reports end of file and errors without being asked, and `any` includes them.
        let [over, cancelled] = fds.map(|fd| fd.any() == Some(true));
        if cancelled {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        if over {
            return Ok(());
        }
    }
}

fn main() -> ExitCode {
    workshop::checks::nonblocking::SUITE.examine(connect)
}
