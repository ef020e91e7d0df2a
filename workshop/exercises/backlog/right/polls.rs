//! The backlog by a second listen(2), after std's; and workers that poll, of whom some come too
//! late.

use std::{
    fs,
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    thread,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{self, Backlog},
};

pub fn listen(addr: SocketAddr, burst: usize) -> io::Result<TcpListener> {
    let limit = fs::read_to_string("/proc/sys/net/core/somaxconn")?;
    let limit: usize = limit.trim().parse().map_err(io::Error::other)?;
    if burst > limit {
        return Err(ErrorKind::QuotaExceeded.into());
    }
    let listener = TcpListener::bind(addr)?;
    socket::listen(&listener, Backlog::new(burst as i32)?)?;
    Ok(listener)
}

pub fn serve(
    listener: &TcpListener,
    workers: usize,
    handle: &(dyn Fn(TcpStream) -> io::Result<()> + Sync),
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let work = || -> io::Result<()> {
        loop {
            poll(
                &mut [PollFd::new(listener.as_fd(), PollFlags::POLLIN)],
                PollTimeout::NONE,
            )?;
            match listener.accept() {
                Ok((stream, _)) => drop(handle(stream)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {} // another was faster
                Err(error) => return Err(error),
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let errors = workers
            .into_iter()
            .filter_map(|worker| worker.join().unwrap().err());
        errors.last().map_or(Ok(()), Err)
    })
}
