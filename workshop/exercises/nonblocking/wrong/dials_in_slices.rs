//! Dials for 50 ms at a time, and looks at `cancel` between two dials.
//!
//! rejected by: waits for a late answer to its first SYN
//! cause: began another one

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    os::fd::BorrowedFd,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub fn connect(addr: SocketAddr, limit: Duration, cancel: BorrowedFd) -> io::Result<TcpStream> {
    let started = Instant::now();
    loop {
        let left = limit.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(&addr, left.min(Duration::from_millis(50))) {
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            outcome => return outcome,
        }
        let mut fds = [PollFd::new(cancel, PollFlags::POLLIN)];
        if poll(&mut fds, PollTimeout::ZERO)? > 0 {
            return Err(ErrorKind::ConnectionAborted.into());
        }
    }
}
