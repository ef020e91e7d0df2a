//! Waits in poll for the listener and for the end of a pipe, which the wish to stop closes; joins
//! thread by thread.

use std::{
    io::{self, PipeReader},
    net::{Shutdown, TcpListener, TcpStream},
    os::fd::AsFd,
    sync::{Arc, Weak},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use workshop::checks::shutdown::Stop;

/// The calls that have begun.
#[derive(Default)]
struct Calls(Vec<(JoinHandle<()>, Weak<TcpStream>)>);

impl Calls {
    fn begin(&mut self, stream: TcpStream, serve: fn(TcpStream)) {
        let handle = Arc::new(stream.try_clone().unwrap());
        let weak = Arc::downgrade(&handle);
        let call = move || {
            serve(stream);
            drop(handle);
        };
        self.0.push((thread::spawn(call), weak));
    }

    /// Waits until all have ended, or to the deadline; then cuts off what is left.
    fn finish(self, deadline: Instant) -> usize {
        while Instant::now() < deadline && self.0.iter().any(|(thread, _)| !thread.is_finished()) {
            thread::sleep(Duration::from_millis(1));
        }
        let mut cut_off = 0;
        for (_, handle) in &self.0 {
            if let Some(handle) = handle.upgrade() {
                let _ = handle.shutdown(Shutdown::Both);
                cut_off += 1;
            }
        }
        for (thread, _) in self.0 {
            let _ = thread.join();
        }
        cut_off
    }
}

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
        let mut calls = Calls::default();
        loop {
            let stopping = wait(&listener, &heard);
            while let Ok((stream, _)) = listener.accept() {
                calls.begin(stream, serve);
            }
            if stopping {
                return calls;
            }
        }
    });
    Ok(Box::new(move |limit| {
        let deadline = Instant::now() + limit;
        drop(wish);
        Ok(acceptor.join().unwrap().finish(deadline))
    }))
}
