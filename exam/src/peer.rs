//! The exam's end of a connection: an honest peer or a hostile one.
//! Whatever it does becomes a step, whatever it waits for it waits for by
//! evidence, and what it did not get becomes a failure (`receive`).

mod receive;

use std::{
    io::{self, ErrorKind, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    os::fd::AsRawFd,
    rc::{Rc, Weak},
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::PollFlags,
    sys::socket::{MsgFlags, send},
};
use socket_workshop::table::End;
use socket2::SockRef;

use super::{
    Awaited, Because, CheckError, Exam, Verdict, or_skip, text::quote, threads::OURS,
    waiting::is_ready,
};

/// A call of the exam's own never waits in the kernel: what it waits for the engine must see. And a
/// peer that has closed is an error, not a signal.
const NOW: MsgFlags = MsgFlags::MSG_DONTWAIT.union(MsgFlags::MSG_NOSIGNAL);

/// The exam's end of a connection.
#[derive(Debug)]
pub struct Peer<'e> {
    exam: &'e Exam,
    stream: Rc<TcpStream>,
    /// `client 2: ` where there are several.
    name: String,
}

/// A thread that sends; see [`Peer::pours`].
#[derive(Debug)]
pub struct Pouring {
    stream: TcpStream,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Pouring {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            if !thread.is_finished() {
                let _ = self.stream.shutdown(Shutdown::Both); // its write fails now
            }
            let _ = thread.join();
        }
    }
}

impl<'e> Peer<'e> {
    /// The exam's end of a connection that a check has made itself.
    pub fn new(exam: &'e Exam, stream: TcpStream) -> Peer<'e> {
        exam.owns(&stream);
        if let Ok(end) = End::of(&stream) {
            exam.has_opened(end);
        }
        let _ = stream.set_nodelay(true);
        let stream = Rc::new(stream);
        exam.peers.borrow_mut().push(Rc::downgrade(&stream));
        Peer {
            exam,
            stream,
            name: String::new(),
        }
    }

    /// Gives it a name, for checks with several.
    #[must_use]
    pub fn named(mut self, name: &str) -> Peer<'e> {
        self.name = format!("{name}: ");
        self
    }

    /// Lets the kernel delay its acknowledgments, as for any other program. Without this, a look of
    /// the exam's sends those that are due: nothing is at rest before.
    pub fn delays_acknowledgments(&self) {
        let is_its = |peer: &Weak<TcpStream>| peer.as_ptr() == Rc::as_ptr(&self.stream);
        (self.exam.peers.borrow_mut()).retain(|peer| !is_its(peer));
    }

    /// The socket.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Its address.
    ///
    /// # Errors
    /// The connection has been reset.
    pub fn addr(&self) -> Verdict<SocketAddr> {
        or_skip("read the client's address", self.stream.local_addr())
    }

    fn step(&self, what: &str) {
        self.exam.step(format!("{}{what}", self.name));
    }

    /// Sends all of it.
    ///
    /// # Errors
    /// The answer has closed or reset the connection, or will never read.
    pub fn send(&self, bytes: &[u8]) -> Verdict {
        let mut rest = bytes;
        let sent = self.exam.wait_for(|time| {
            while !rest.is_empty() {
                match send(self.stream.as_raw_fd(), rest, NOW) {
                    Ok(n) => {
                        rest = &rest[n..];
                        self.exam.has_moved(n);
                    }
                    Err(Errno::EAGAIN) => {
                        is_ready(&self.stream, PollFlags::POLLOUT, time)?;
                        return Ok(None);
                    }
                    Err(Errno::EINTR) => {}
                    Err(errno) => return Ok(Some(Err(errno.into()))),
                }
            }
            Ok(Some(io::Result::Ok(())))
        })?;
        let expected = format!("the server to take {}", quote(bytes));
        match sent {
            Some(Ok(())) => {
                self.step(&format!("sent {}", quote(bytes)));
                Ok(())
            }
            Some(Err(error)) => self.broken(&expected, &error),
            None => {
                let seen = format!("{} bytes are left, for which there is no room", rest.len());
                self.fail(Awaited::Nothing, expected, seen, Vec::new())
            }
        }
    }

    /// Sends a byte at a time, with a pause after each.
    ///
    /// # Errors
    /// As for [`Peer::send`].
    pub fn drip(&self, bytes: &[u8], pause: Duration) -> Verdict {
        self.step(&format!(
            "sends {} a byte at a time, every {pause:?}",
            quote(bytes)
        ));
        for byte in bytes {
            if let Err(error) = (&*self.stream).write_all(&[*byte]) {
                return self.broken("the server to take every byte", &error);
            }
            thread::sleep(pause); // its length is the subject: a slow peer
        }
        self.exam.traces_step();
        Ok(())
    }

    /// Begins to send all of it, on a second thread, and reads nothing meanwhile. When the value is
    /// dropped the connection is shut down, if by then not all has been taken.
    ///
    /// # Errors
    /// No thread can be started here.
    pub fn pours(&self, bytes: Vec<u8>) -> Verdict<Pouring> {
        self.step(&format!("sends {}, and does not read", quote(&bytes)));
        let stream = or_skip("duplicate a descriptor", self.stream.try_clone())?;
        let mut clone = or_skip("duplicate a descriptor", stream.try_clone())?;
        let thread = thread::Builder::new().name(OURS.to_owned());
        let thread = or_skip(
            "start a thread",
            thread.spawn(move || drop(clone.write_all(&bytes))),
        )?;
        Ok(Pouring {
            stream,
            thread: Some(thread),
        })
    }

    /// Sends what the kernel takes at once, and returns how much that was.
    ///
    /// # Errors
    /// The connection has ended.
    pub fn fill(&self, bytes: &[u8]) -> Verdict<usize> {
        or_skip(
            "make a socket non-blocking",
            self.stream.set_nonblocking(true),
        )?;
        let taken = (&*self.stream).write(bytes);
        or_skip("make a socket blocking", self.stream.set_nonblocking(false))?;
        match taken {
            Ok(n) => {
                self.exam.has_moved(n);
                Ok(n)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => self.broken("the connection to stay open", &error),
        }
    }

    /// Closes the sending half.
    ///
    /// # Errors
    /// The answer has reset the connection.
    pub fn half_close(&self) -> Verdict {
        // Before it takes effect: it may end the answer.
        self.step("shut down the sending half (FIN)");
        match self.stream.shutdown(Shutdown::Write) {
            Ok(()) => {
                self.exam.traces_step();
                Ok(())
            }
            Err(error) => self.broken("the connection to stay open", &error),
        }
    }

    /// Closes with RST.
    pub fn reset(self) {
        self.step("reset the connection (RST)");
        let _ = SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO));
        drop(self.stream);
        self.exam.traces_step();
    }

    /// Closes.
    pub fn close(self) {
        self.step("closed the connection");
        drop(self.stream);
        self.exam.traces_step();
    }

    fn fail<T>(
        &self,
        awaited: Awaited,
        expected: String,
        seen: String,
        arrived: Vec<u8>,
    ) -> Verdict<T> {
        let expected = format!("{}{expected}", self.name);
        let mut failed = self.exam.fail_waiting(awaited, expected, seen);
        if let Err(CheckError::Failed(case)) = &mut failed {
            case.arrived = arrived;
        }
        failed
    }

    fn broken<T>(&self, expected: &str, error: &io::Error) -> Verdict<T> {
        self.fail(
            Awaited::Nothing,
            expected.to_owned(),
            error.to_string(),
            Vec::new(),
        )
        .because(|_| match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Some(
                "Your end has closed the connection, or reset it: a socket that is closed with \
                     bytes unread sends RST."
                    .to_owned(),
            ),
            _ => None,
        })
    }
}
