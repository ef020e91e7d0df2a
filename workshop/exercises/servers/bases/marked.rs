//! The same as `base.rs`, with marks for mistakes that spin: the thread may be at any line of the
//! loop.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use socket_workshop::stop::Stop;

/// The longest line, in bytes, without its newline.
const LONGEST: usize = 64 << 10;

/// Sends each line of each client back in reverse order, until `stop` is readable (it is `AsFd`).
#[rustfmt::skip] // a mark stays on its line
pub fn serve(listener: TcpListener, stop: Stop) -> io::Result<()> {
    // A client may be gone between poll and accept (accept(2), "Notes"): accept must not wait.
    listener.set_nonblocking(true)?;
    let mut clients: Vec<Client> = Vec::new();
    loop { // spins here
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN); // spins here
        let mut fds = vec![readable(stop.as_fd()), readable(listener.as_fd())]; // spins here
        fds.extend(clients.iter().map(Client::polled)); // spins here
        match poll(&mut fds, PollTimeout::NONE) { // spins here
            Err(Errno::EINTR) => continue, // spins here
            result => result?, // spins here
        };
        let ready: Vec<bool> = fds.iter().map(|fd| fd.any() == Some(true)).collect(); // spins here
        if ready[0] { // spins here
            return Ok(()); // spins here
        }
        let mut is_ready = ready[2..].iter(); // spins here
        clients.retain_mut(|client| match is_ready.next() { // spins here
            Some(true) => client.goes_on().unwrap_or(false), // spins here
            _ => true, // spins here
        });
        if ready[1] { // spins here
            match listener.accept() { // spins here
                Ok((stream, _)) => clients.push(Client::new(stream)?), // spins here
                Err(error) if error.kind() == ErrorKind::WouldBlock => {} // spins here
                Err(error) => return Err(error), // spins here
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

#[rustfmt::skip] // a mark stays on its line
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
    fn polled(&self) -> PollFd<'_> { // spins here
        let event = match self.unsent.is_empty() { // spins here
            true => PollFlags::POLLIN, // spins here
            false => PollFlags::POLLOUT, // spins here
        };
        PollFd::new(self.stream.as_fd(), event) // spins here
    }

    /// Does what can be done without waiting. False when the connection is over.
    fn goes_on(&mut self) -> io::Result<bool> { // spins here
        if self.unsent.is_empty() { // spins here
            let mut buf = [0; 16 << 10]; // spins here
            match done(self.stream.read(&mut buf))? { // spins here
                None => {} // spins here
                Some(0) => self.has_ended = true, // spins here
                Some(n) => self.takes(&buf[..n])?, // spins here
            }
        }
        if !self.unsent.is_empty() // spins here
            && let Some(n) = done(self.stream.write(&self.unsent))? // spins here
        {
            self.unsent.drain(..n); // spins here
        }
        Ok(!self.has_ended || !self.unsent.is_empty()) // spins here
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

/// What a call on a non-blocking socket has done. `None` if it would have had to wait.
#[rustfmt::skip] // a mark stays on its line
fn done(result: io::Result<usize>) -> io::Result<Option<usize>> { // spins here
    match result { // spins here
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None), // spins here
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(None), // spins here
        result => result.map(Some), // spins here
    }
}
