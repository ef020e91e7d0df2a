//! Looks every 5 ms, and sleeps between the looks.
//!
//! rejected by: waits for the dial and for cancel at the same time
//! cause: sleeps and then looks

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    os::fd::BorrowedFd,
    thread,
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
    if let Err(error) = socket.connect(&addr.into())
        && error.raw_os_error() != Some(Errno::EINPROGRESS as i32)
    {
        return Err(error);
    }
    while started.elapsed() < limit {
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        if socket.peer_addr().is_ok() {
            socket.set_nonblocking(false)?;
            return Ok(socket.into());
        }
        match poll(
            &mut [PollFd::new(cancel, PollFlags::POLLIN)],
            PollTimeout::ZERO,
        ) {
            // waits here
            Ok(0) | Err(Errno::EINTR) => thread::sleep(Duration::from_millis(5)),
            Ok(_) => return Err(ErrorKind::ConnectionAborted.into()),
            Err(errno) => return Err(errno.into()),
        }
    }
    Err(ErrorKind::TimedOut.into())
}
