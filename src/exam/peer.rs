//! The exam's end of a connection: an honest peer or a hostile one. Whatever it does becomes a step,
//! whatever it waits for has a limit, and what it did not get becomes a failure.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use socket2::SockRef;

use super::{
    Because, Exam, LIMIT, Unmet, Verdict, here,
    text::{mark, parting, quote},
    threads::OURS,
};
use crate::deadline::Deadline;

/// How a read for a number of bytes ended before they were all there.
enum Short {
    EndOfFile,
    Silence,
    Broken(io::Error),
}

/// The exam's end of a connection.
#[derive(Debug)]
pub struct Peer<'e> {
    exam: &'e Exam,
    stream: TcpStream,
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
    pub(super) fn new(exam: &'e Exam, stream: TcpStream) -> Peer<'e> {
        exam.owns(&stream);
        let _ = stream.set_nodelay(true);
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
        here("read the client's address", self.stream.local_addr())
    }

    fn step(&self, what: &str) {
        self.exam.step(format!("{}{what}", self.name));
    }

    /// Sends all of it.
    ///
    /// # Errors
    /// The answer has closed or reset the connection, or does not read.
    pub fn send(&self, bytes: &[u8]) -> Verdict {
        let sent = Deadline::after(LIMIT).on(&self.stream).write_all(bytes);
        if let Err(error) = sent {
            return self.broken(&format!("the server to take {}", quote(bytes)), &error);
        }
        self.step(&format!("sent {}", quote(bytes)));
        Ok(())
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
            if let Err(error) = (&self.stream).write_all(&[*byte]) {
                return self.broken("the server to take every byte", &error);
            }
            thread::sleep(pause); // its length is the subject: a slow peer
        }
        Ok(())
    }

    /// Begins to send all of it, on a thread of its own, and reads nothing meanwhile. When the value is
    /// dropped the connection is shut down, if by then not all has been taken.
    ///
    /// # Errors
    /// No thread can be started here.
    pub fn pours(&self, bytes: Vec<u8>) -> Verdict<Pouring> {
        self.step(&format!("sends {}, and does not read", quote(&bytes)));
        let stream = here("duplicate a descriptor", self.stream.try_clone())?;
        let mut clone = here("duplicate a descriptor", stream.try_clone())?;
        let thread = thread::Builder::new().name(OURS.to_owned());
        let thread = here(
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
        here(
            "make a socket non-blocking",
            self.stream.set_nonblocking(true),
        )?;
        let taken = (&self.stream).write(bytes);
        here("make a socket blocking", self.stream.set_nonblocking(false))?;
        match taken {
            Ok(n) => Ok(n),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => self.broken("the connection to stay open", &error),
        }
    }

    /// Closes the sending half.
    ///
    /// # Errors
    /// The answer has reset the connection.
    pub fn half_close(&self) -> Verdict {
        match self.stream.shutdown(Shutdown::Write) {
            Ok(()) => self.step("shut down the sending half (FIN)"),
            Err(error) => return self.broken("the connection to stay open", &error),
        }
        Ok(())
    }

    /// Closes with RST.
    pub fn reset(self) {
        self.step("reset the connection (RST)");
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// Closes.
    pub fn close(self) {
        self.step("closed the connection");
    }

    /// Reads exactly this, within [`LIMIT`].
    ///
    /// # Errors
    /// Something else has come, or not all of it.
    pub fn receives(&self, expected: &[u8]) -> Verdict {
        let (got, short) = self.read(expected.len(), LIMIT);
        let at = parting(&got, expected);
        if at == expected.len() {
            self.step(&format!("read {}", quote(expected)));
            return Ok(());
        }
        let seen = if at < got.len() {
            format!("other bytes:\n{}", mark(&got, at))
        } else {
            let got_so_far = if got.is_empty() {
                "nothing".to_owned()
            } else {
                quote(&got)
            };
            match short {
                Some(Short::EndOfFile) => format!("{got_so_far}, then end of file"),
                Some(Short::Broken(error)) => format!("{got_so_far}, then {error}"),
                _ => format!("{got_so_far} within {LIMIT:?}"),
            }
        };
        let expected = if expected.len() == got.len() && at > 20 {
            format!(
                "{}, and at byte {at}:\n{}",
                quote(expected),
                mark(expected, at)
            )
        } else {
            format!("{}to read {}", self.name, quote(expected))
        };
        self.fail(expected, seen, got)
    }

    /// Reads to the end of file, which must come within [`LIMIT`] and before anything else.
    ///
    /// # Errors
    /// Bytes have come, a reset, or nothing.
    pub fn ends(&self) -> Verdict {
        let (got, short) = self.read(1, LIMIT);
        let seen = match short {
            Some(Short::EndOfFile) => {
                self.step("read end of file");
                return Ok(());
            }
            Some(Short::Silence) => {
                format!("nothing within {LIMIT:?}: the connection is still open")
            }
            Some(Short::Broken(error)) => error.to_string(),
            None => {
                let mut more = got.clone();
                more.extend(self.read(200, Duration::from_millis(50)).0);
                format!("more bytes: {}", quote(&more))
            }
        };
        self.fail(
            format!("{}end of file, and nothing before it", self.name),
            seen,
            got,
        )
    }

    /// Reads nothing for as long as this, which is the subject: the connection must stay open and
    /// silent.
    ///
    /// # Errors
    /// Bytes have come, end of file, or a reset.
    pub fn hears_nothing_for(&self, time: Duration) -> Verdict {
        let (got, short) = self.read(1, time);
        let seen = match short {
            Some(Short::Silence) => {
                self.step(&format!("heard nothing for {time:?}"));
                return Ok(());
            }
            Some(Short::EndOfFile) => "end of file".to_owned(),
            Some(Short::Broken(error)) => error.to_string(),
            None => format!("bytes: {}", quote(&got)),
        };
        self.fail(
            format!(
                "{}nothing to come, and the connection to stay open",
                self.name
            ),
            seen,
            got,
        )
    }

    /// Reads to a newline, which must come within [`LIMIT`]; returns the line without it.
    ///
    /// # Errors
    /// There was none.
    pub fn line(&self) -> Verdict<Vec<u8>> {
        let mut line = Vec::new();
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.read(1, left.max(Duration::from_millis(1))) {
                (byte, None) if byte == b"\n" => {
                    self.step(&format!("read {}", quote(&[&line[..], b"\n"].concat())));
                    return Ok(line);
                }
                (byte, None) => line.extend(byte),
                (_, Some(short)) => {
                    let after = match short {
                        Short::EndOfFile => "then end of file".to_owned(),
                        Short::Silence => format!("and no newline within {LIMIT:?}"),
                        Short::Broken(error) => format!("then {error}"),
                    };
                    let seen = format!("{} {after}", quote(&line));
                    return self.fail(format!("{}a line", self.name), seen, line);
                }
            }
        }
    }

    /// Reads until so many bytes are there, the time is over, or there will be no more.
    fn read(&self, count: usize, limit: Duration) -> (Vec<u8>, Option<Short>) {
        let mut stream = Deadline::after(limit).on(&self.stream);
        let (mut got, mut buf) = (Vec::new(), vec![0; count.min(64 << 10)]);
        while got.len() < count {
            let room = buf.len().min(count - got.len());
            match stream.read(&mut buf[..room]) {
                Ok(0) => return (got, Some(Short::EndOfFile)),
                Ok(n) => got.extend(&buf[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    return (got, Some(Short::Silence));
                }
                Err(error) => return (got, Some(Short::Broken(error))),
            }
        }
        (got, None)
    }

    fn fail<T>(&self, expected: String, seen: String, arrived: Vec<u8>) -> Verdict<T> {
        let mut failed = self.exam.fail(expected, seen);
        if let Err(Unmet::Failed(case)) = &mut failed {
            case.arrived = arrived;
        }
        failed
    }

    fn broken<T>(&self, expected: &str, error: &io::Error) -> Verdict<T> {
        self.fail(
            format!("{}{expected}", self.name),
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
