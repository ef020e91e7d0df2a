//! Exercise 21, done: one thread, one poll, and a small state for each client.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
    process::ExitCode,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use socket_workshop::stop::Stop;

/// The longest line, in bytes, without its newline.
const LONGEST: usize = 64 << 10;

/// Sends each line of each client back in reverse order, until `stop` is readable (it is `AsFd`).
pub fn serve(listener: TcpListener, stop: Stop) -> io::Result<()> {
    // A client may be gone between poll and accept (accept(2), "Notes"): accept must not wait.
    listener.set_nonblocking(true)?;
    let mut clients: Vec<Client> = Vec::new();
    loop {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds = vec![readable(stop.as_fd()), readable(listener.as_fd())];
        fds.extend(clients.iter().map(Client::polled));
        match poll(&mut fds, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            result => result?,
        };
        let ready: Vec<bool> = fds.iter().map(|fd| fd.any() == Some(true)).collect();
        if ready[0] {
            return Ok(());
        }
        let mut is_ready = ready[2..].iter();
        clients.retain_mut(|client| match is_ready.next() {
            Some(true) => client.goes_on().unwrap_or(false), // an error ends this client only
            _ => true,
        });
        if ready[1] {
            match listener.accept() {
                Ok((stream, _)) => clients.push(Client::new(stream)?),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A client, and what is unfinished of it.
struct Client {
    stream: TcpStream,
    /// The beginning of a line, up to the last byte that has come.
    line: Vec<u8>,
    /// Answers that the kernel has had no room for.
    unsent: Vec<u8>,
    /// Whether its end of file has come.
    has_ended: bool,
}

impl Client {
    fn new(stream: TcpStream) -> io::Result<Client> {
        stream.set_nonblocking(true)?;
        Ok(Client {
            stream,
            line: Vec::new(),
            unsent: Vec::new(),
            has_ended: false,
        })
    }

    /// What to wait for. Each event is one that `goes_on` uses up: one that it leaves as it is,
    /// such as room to write with nothing to write, would make poll return again and again.
    ///
    /// While answers are left, nothing is read. So a client that does not read its answers is held
    /// back by its own window, and holds little memory here.
    fn polled(&self) -> PollFd<'_> {
        let event = match self.unsent.is_empty() {
            true => PollFlags::POLLIN,
            false => PollFlags::POLLOUT,
        };
        PollFd::new(self.stream.as_fd(), event)
    }

    /// Does what can be done without waiting. False when the connection is over.
    fn goes_on(&mut self) -> io::Result<bool> {
        if self.unsent.is_empty() {
            let mut buf = [0; 16 << 10];
            match done(self.stream.read(&mut buf))? {
                None => {}
                Some(0) => self.has_ended = true,
                Some(n) => self.takes(&buf[..n])?,
            }
        }
        if !self.unsent.is_empty()
            && let Some(n) = done(self.stream.write(&self.unsent))?
        {
            self.unsent.drain(..n);
        }
        Ok(!self.has_ended || !self.unsent.is_empty())
    }

    /// Answers each line that these bytes complete, and keeps what is left of them.
    fn takes(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend(piece);
            let is_whole = self.line.ends_with(b"\n");
            if self.line.len() > LONGEST + usize::from(is_whole) {
                return Err(ErrorKind::InvalidData.into());
            }
            if is_whole {
                self.line.pop();
                self.unsent.extend(self.line.drain(..).rev());
                self.unsent.push(b'\n');
            }
        }
        Ok(())
    }
}

/// What a call on a non-blocking socket has done. `None` if it would have had to wait. A call that
/// does not wait is never interrupted.
fn done(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}

fn main() -> ExitCode {
    workshop::checks::servers::SUITE.examine(serve)
}
