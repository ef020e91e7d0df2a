//! Dials on a second thread, and stops waiting for it.
//!
//! rejected by: leaves no dial under way
//! cause: a thread of yours is still dialing

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    os::fd::BorrowedFd,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub fn connect(addr: SocketAddr, limit: Duration, cancel: BorrowedFd) -> io::Result<TcpStream> {
    let started = Instant::now();
    let (sender, outcome) = mpsc::channel();
    thread::spawn(move || sender.send(TcpStream::connect(addr)));
    loop {
        let left = limit.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        if let Ok(outcome) = outcome.recv_timeout(left.min(Duration::from_millis(10))) {
            return outcome;
        }
        let mut fds = [PollFd::new(cancel, PollFlags::POLLIN)];
        if poll(&mut fds, PollTimeout::ZERO)? > 0 {
            return Err(ErrorKind::ConnectionAborted.into());
        }
    }
}
