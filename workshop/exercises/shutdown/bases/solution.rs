//! The solution's code, frozen: the edits of `mistakes.diff` are made to it.

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

/// A running server.
pub struct Server {
    signal: Arc<StopSignal>,
    acceptor: JoinHandle<io::Result<usize>>,
}

/// The stop signal. The deadline is set before the event: a thread that wakes finds it.
struct StopSignal {
    deadline: OnceLock<Instant>,
    /// Written once and never read, so that it stays readable.
    event: EventFd,
}

impl Server {
    /// Starts to serve the clients that connect to the listener.
    pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Server> {
        // The queue is emptied until EAGAIN: a blocking accept would then wait for one more client.
        listener.set_nonblocking(true)?;
        let signal = Arc::new(StopSignal {
            deadline: OnceLock::new(),
            event: EventFd::new()?,
        });
        let heard = Arc::clone(&signal);
        let acceptor = thread::Builder::new().spawn(move || run(listener, serve, &heard))?;
        Ok(Server { signal, acceptor })
    }

    /// Stops the server, at the limit at the latest. Returns how many connections it had to close.
    pub fn stop(self, limit: Duration) -> io::Result<usize> {
        self.signal.deadline.get_or_init(|| Instant::now() + limit);
        self.signal.event.write(1)?;
        self.acceptor.join().expect("it does not panic")
    }
}

/// The whole life of a server, on the thread that accepts. The scope joins the calls' threads.
fn run(listener: TcpListener, serve: fn(TcpStream), signal: &StopSignal) -> io::Result<usize> {
    let (alive, all_over) = mpsc::channel::<()>();
    let mut calls: Vec<Weak<TcpStream>> = Vec::new();
    thread::scope(|scope| {
        let deadline = loop {
            wait(&listener, &signal.event)?;
            // Read before the queue is emptied: clients that came before the signal are in it.
            let signalled = signal.deadline.get();
            // To the deadline at most: clients may connect faster than this loop accepts.
            let in_time = || {
                signal
                    .deadline
                    .get()
                    .is_none_or(|end| Instant::now() < *end)
            };
            while in_time()
                && let Some(stream) = next(&listener)
            {
                // A second handle, to shut the connection down at the limit. The call's thread owns
                // it: here it would keep the connection open after `serve` has dropped the first.
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
            if let Some(deadline) = signalled {
                break *deadline;
            }
        };
        drop(listener); // before the wait: from here on the kernel refuses clients
        drop(alive); // now only calls have one: when the last is over, the channel ends
        let left = deadline.saturating_duration_since(Instant::now());
        let _ = all_over.recv_timeout(left); // disconnected, or timed out: no message is ever sent
        let late: Vec<_> = calls.iter().filter_map(Weak::upgrade).collect();
        for handle in &late {
            // Ends a blocked read or write. It fails if the client has reset the connection.
            let _ = handle.shutdown(Shutdown::Both);
        }
        Ok(late.len())
    })
}

/// Waits for a connection, or for the stop signal.
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
            thread::sleep(Duration::from_millis(20)); // EMFILE lasts: retrying at once would spin
            None
        }
    }
}

/// The checks call this, and stop the server with the function that it returns.
pub fn start(listener: TcpListener, serve: fn(TcpStream)) -> io::Result<Stop> {
    let server = Server::start(listener, serve)?;
    Ok(Box::new(|limit| server.stop(limit)))
}
