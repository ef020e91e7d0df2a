//! Waits for the end of a call before it looks whether one is under way: without a call it waits
//! until the limit.
//!
//! rejected by: stops immediately when it is idle
//! cause: but your code has no other

use std::{
    collections::HashMap,
    io::{self, ErrorKind},
    net::{Shutdown, TcpListener, TcpStream},
    os::fd::AsFd,
    sync::{Arc, Condvar, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::eventfd::EventFd,
};
use workshop::checks::shutdown::Stop;

/// The calls under way: a handle of the connection of each.
#[derive(Default)]
struct Calls {
    open: Mutex<HashMap<u64, TcpStream>>,
    over: Condvar,
}

/// A running server.
pub struct Server {
    wake: Arc<EventFd>,
    acceptor: JoinHandle<Vec<JoinHandle<()>>>,
    calls: Arc<Calls>,
}

impl Server {
    /// Starts to serve the clients that connect to the listener.
    pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Server> {
        listener.set_nonblocking(true)?;
        let wake = Arc::new(EventFd::new()?);
        let calls = Arc::new(Calls::default());
        let acceptor = {
            let (wake, calls) = (Arc::clone(&wake), Arc::clone(&calls));
            thread::spawn(move || accept(listener, &wake, &calls, serve))
        };
        Ok(Server {
            wake,
            acceptor,
            calls,
        })
    }

    /// Stops the server, at the limit at the latest. Returns how many connections it had to close.
    pub fn stop(self, limit: Duration) -> io::Result<usize> {
        let deadline = Instant::now() + limit;
        self.wake.write(1)?;
        // It empties the queue and closes the listener.
        let threads = self.acceptor.join().unwrap();
        let mut open = self.calls.open.lock().unwrap();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            open = self.calls.over.wait_timeout(open, left).unwrap().0; // waits here
            if open.is_empty() {
                break;
            }
        }
        let left = open.len();
        for stream in open.values() {
            // It fails if the peer has reset the connection: then it is closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(open);
        for thread in threads {
            thread.join().unwrap();
        }
        Ok(left)
    }
}

/// Accepts until the stop signal comes, and empties the queue then. Returns the threads that may
/// still run.
fn accept(
    listener: TcpListener,
    wake: &EventFd,
    calls: &Arc<Calls>,
    serve: fn(TcpStream),
) -> Vec<JoinHandle<()>> {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    let mut number = 0;
    loop {
        let mut fds = [
            PollFd::new(listener.as_fd(), PollFlags::POLLIN),
            PollFd::new(wake.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(e) => panic!("poll: {e}"),
        }
        let stopping = fds[1].any() == Some(true);
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    number += 1;
                    threads.extend(call(stream, number, calls, serve));
                }
                Err(e) if e.kind() == ErrorKind::ConnectionAborted => {}
                Err(_) => break,
            }
        }
        if stopping {
            return threads;
        }
        for thread in threads.extract_if(.., |thread| thread.is_finished()) {
            thread.join().unwrap();
        }
    }
}

/// Serves one connection on a thread of its own.
fn call(
    stream: TcpStream,
    number: u64,
    calls: &Arc<Calls>,
    serve: fn(TcpStream),
) -> Option<JoinHandle<()>> {
    let handle = stream.try_clone().ok()?;
    calls.open.lock().unwrap().insert(number, handle);
    let calls = Arc::clone(calls);
    Some(thread::spawn(move || {
        serve(stream);
        calls.open.lock().unwrap().remove(&number);
        calls.over.notify_all();
    }))
}

pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    let server = Server::start(listener, serve)?;
    Ok(Box::new(|limit| server.stop(limit)))
}
