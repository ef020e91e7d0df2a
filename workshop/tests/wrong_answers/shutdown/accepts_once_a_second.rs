//! Sleeps for a second before it accepts.
//!
//! rejected by: serves each client as soon as it connects
//! cause: looks only now and then

use std::{
    io::{self, ErrorKind},
    net::{Shutdown, TcpListener, TcpStream},
    os::fd::AsFd,
    sync::{Arc, OnceLock, Weak, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use socket_workshop::stop::EventFd;
use workshop::checks::shutdown::Stop;

/// A server under way.
pub struct Server {
    wish: Arc<Wish>,
    acceptor: JoinHandle<io::Result<usize>>,
}

/// The wish to stop. The deadline is set first, then the event: whoever hears of it finds the deadline.
struct Wish {
    deadline: OnceLock<Instant>,
    /// Written once and never read, so that it stays readable.
    event: EventFd,
}

impl Server {
    /// Begins to serve whoever connects to the listener.
    pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Server> {
        // The queue is emptied until accept says EAGAIN; else the last call would wait for one more.
        listener.set_nonblocking(true)?;
        let wish = Arc::new(Wish {
            deadline: OnceLock::new(),
            event: EventFd::new()?,
        });
        let heard = Arc::clone(&wish);
        let acceptor = thread::Builder::new().spawn(move || run(listener, serve, &heard))?;
        Ok(Server { wish, acceptor })
    }

    /// Ends the server, by the limit at the latest. Returns how many connections it had to cut off.
    pub fn stop(self, limit: Duration) -> io::Result<usize> {
        self.wish.deadline.get_or_init(|| Instant::now() + limit);
        self.wish.event.write(1)?;
        self.acceptor.join().expect("it does not panic")
    }
}

/// The whole life of a server, on the thread that accepts. The scope joins the calls' threads.
fn run(listener: TcpListener, serve: fn(TcpStream), wish: &Wish) -> io::Result<usize> {
    let (alive, all_over) = mpsc::channel::<()>();
    let mut calls: Vec<Weak<TcpStream>> = Vec::new();
    thread::scope(|scope| {
        let deadline = loop {
            wait(&listener, &wish.event)?;
            if wish.deadline.get().is_none() {
                thread::sleep(Duration::from_secs(1));
            }
            // Looked at before the queue is emptied: whoever came before the wish is in it.
            let wished = wish.deadline.get();
            // To the deadline at most: they may come faster than they are taken.
            let in_time = || wish.deadline.get().is_none_or(|end| Instant::now() < *end);
            while in_time()
                && let Some(stream) = next(&listener)
            {
                // A second handle, to cut the call off. It goes with the call's thread: kept here, it
                // would keep the connection open after `serve` has dropped the first.
                let Ok(handle) = stream.try_clone().map(Arc::new) else {
                    continue; // no descriptor: this connection is closed
                };
                calls.retain(|call| call.strong_count() > 0);
                calls.push(Arc::downgrade(&handle));
                let alive = alive.clone();
                scope.spawn(move || {
                    let _until_it_is_over = (handle, alive);
                    serve(stream);
                });
            }
            if let Some(deadline) = wished {
                break *deadline;
            }
        };
        drop(listener); // before the wait: who comes from here on is refused
        drop(alive); // now only calls have one: when the last is over, the channel ends
        let left = deadline.saturating_duration_since(Instant::now());
        let _ = all_over.recv_timeout(left); // disconnected, or timed out: no message is ever sent
        let late: Vec<_> = calls.iter().filter_map(Weak::upgrade).collect();
        for handle in &late {
            // Ends a read or a write that is blocked. It fails where the client has reset meanwhile.
            let _ = handle.shutdown(Shutdown::Both);
        }
        Ok(late.len())
    })
}

/// Waits for a connection, or for the wish.
fn wait(listener: &TcpListener, event: &EventFd) -> io::Result<()> {
    let mut fds = [listener.as_fd(), event.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    match poll(&mut fds, PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// The next connection of the queue, if there is one to be had.
fn next(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept() {
        Ok((stream, _)) => Some(stream),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(_) => {
            thread::sleep(Duration::from_millis(20)); // EMFILE and its like last: not at once again
            None
        }
    }
}

/// What the checks call: to them a server is the function that stops it.
pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    let server = Server::start(listener, serve)?;
    Ok(Box::new(|limit| server.stop(limit)))
}
