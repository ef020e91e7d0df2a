//! Sends a byte to learn whether there is a connection.
//!
//! rejected by: sends nothing
//! cause: tries the connection with a byte

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
    socket.set_nonblocking(false)?;
    socket.send(b"\n")?;
    Ok(socket.into())
}

fn wait(socket: &Socket, started: Instant, limit: Duration, cancel: BorrowedFd) -> io::Result<()> {
    loop {
        let left = limit.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        let mut fds = [
            PollFd::new(socket.as_fd(), PollFlags::POLLOUT),
            PollFd::new(cancel, PollFlags::POLLIN),
        ];
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let [over, cancelled] = fds.map(|fd| fd.any() == Some(true));
        if cancelled {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        if over {
            return Ok(());
        }
    }
}
