//! Calls `connect` again until it says that it is done.
//!
//! rejected by: waits for the dial and for cancel at the same time
//! cause: by `connect`, which fails with EALREADY

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    os::fd::BorrowedFd,
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
    // spins here
    while started.elapsed() < limit {
        // spins here
        match socket.connect(&addr.into()) {
            Ok(()) => {
                socket.set_nonblocking(false)?;
                return Ok(socket.into());
            }
            // spins here
            Err(error) => match Errno::from_raw(error.raw_os_error().unwrap_or(0)) {
                Errno::EINPROGRESS | Errno::EALREADY => {} // spins here
                _ => return Err(error),
            },
        }
        let mut fds = [PollFd::new(cancel, PollFlags::POLLIN)]; // spins here
        // spins here
        if poll(&mut fds, PollTimeout::ZERO)? > 0 {
            return Err(ErrorKind::ConnectionAborted.into());
        }
    }
    Err(ErrorKind::TimedOut.into())
}
