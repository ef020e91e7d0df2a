//! A blocking connect on a thread of its own. To end it the socket is shut down, which a connect under
//! way hears of: it returns ECONNABORTED. The thread is joined.

use std::{
    io::{self, ErrorKind},
    net::{Shutdown, SocketAddr, TcpStream},
    os::fd::{AsFd, BorrowedFd},
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
    let (over, teller) = io::pipe()?;
    let outcome = thread::scope(|scope| {
        let dial = scope.spawn(|| {
            let _teller = teller; // its end is the word that the dial is over
            socket.connect(&addr.into())
        });
        let ended = wait(over.as_fd(), started, limit, cancel);
        // It may not have begun: then there is nothing to shut down yet.
        while ended.is_err() && !dial.is_finished() {
            let _ = socket.shutdown(Shutdown::Both);
            thread::sleep(Duration::from_millis(1));
        }
        let outcome = dial.join().expect("it only connects");
        ended.and(outcome)
    });
    outcome.map(|()| socket.into())
}

fn wait(over: BorrowedFd, started: Instant, limit: Duration, cancel: BorrowedFd) -> io::Result<()> {
    loop {
        let left = limit.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        let mut fds = [over, cancel].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match poll(
            &mut fds,
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX),
        ) {
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
