//! By epoll, edge-triggered, with a socket that never blocks from the beginning. It is set back
//! through a clone: the flag is that of the file description, which both share.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    os::fd::BorrowedFd,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
};
use socket2::{Domain, Socket, Type};

pub fn connect(addr: SocketAddr, limit: Duration, cancel: BorrowedFd) -> io::Result<TcpStream> {
    let started = Instant::now();
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new_raw(Domain::for_address(addr), kind, None)?;
    match socket.connect(&addr.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => return Err(error),
        _ => {}
    }
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let edge = EpollFlags::EPOLLET;
    epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLOUT | edge, 0))?;
    epoll.add(cancel, EpollEvent::new(EpollFlags::EPOLLIN | edge, 1))?;
    loop {
        let left = limit.saturating_sub(started.elapsed());
        let mut events = [EpollEvent::empty(); 1]; // one at a time
        let timeout = EpollTimeout::try_from(left).unwrap_or(EpollTimeout::MAX);
        match epoll.wait(&mut events, timeout) {
            Ok(0) if left.is_zero() => return Err(ErrorKind::TimedOut.into()),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) if events[0].data() == 1 => return Err(ErrorKind::ConnectionAborted.into()),
            Ok(_) => break,
            Err(errno) => return Err(errno.into()),
        }
    }
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    socket.try_clone()?.set_nonblocking(false)?;
    Ok(socket.into())
}
