//! Serves on the thread that accepts.
//!
//! rejected by: serves a client while another is silent
//! cause: a separate thread for each connection

use std::{
    io::{self, PipeReader},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
    thread,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use workshop::checks::shutdown::Stop;

/// Waits for a connection or for the end of the pipe; true if that has come.
fn wait(listener: &TcpListener, wish: &PipeReader) -> bool {
    let mut fds = [
        PollFd::new(listener.as_fd(), PollFlags::POLLIN),
        PollFd::new(wish.as_fd(), PollFlags::POLLIN),
    ];
    let _ = poll(&mut fds, PollTimeout::NONE);
    fds[1].any() == Some(true)
}

pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    listener.set_nonblocking(true)?;
    let (heard, wish) = io::pipe()?;
    let acceptor = thread::spawn(move || {
        loop {
            let stopping = wait(&listener, &heard);
            while let Ok((stream, _)) = listener.accept() {
                serve(stream); // hangs here
            }
            if stopping {
                return 0;
            }
        }
    });
    Ok(Box::new(move |_| {
        drop(wish);
        Ok(acceptor.join().unwrap())
    }))
}
