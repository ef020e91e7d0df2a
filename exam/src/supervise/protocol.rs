//! What a check's process reports to its supervisor, and how the supervisor knows the exam's words
//! from the answer's. The answer runs in the same process, and some safe functions accept a bare
//! number as a descriptor, so it can write into the exam's socket. So each report carries a secret
//! of this run. The supervisor sends it before the process starts, and the process reads it before
//! the answer runs. It is in no argument, no environment and no file.

use std::{
    fs::File,
    io::{self, Read, Write},
    net::Shutdown,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    process,
    time::Duration,
};

use nix::unistd::{Pid, getppid};
use serde::{Deserialize, Serialize};

use crate::{place::Sought, report::Outcome, trace::Moment};

/// How long the supervisor may take to read the stacks of a process.
const LOOK: Duration = Duration::from_secs(5);

/// A longer report is not the exam's.
const LINE: usize = 1 << 20;

/// More reports than any check makes, with up to two moments for each step.
const REPORTS: usize = 30_000;

/// What a check's process says: a line each, of the secret and JSON.
#[derive(Serialize, Deserialize)]
pub(crate) enum Message {
    /// It is about to run the answer.
    Begin,
    Step(String),
    /// What the kernel showed after the last step, if that is asked for. The latest counts.
    Moment(Moment),
    /// The exam itself has set this limit of descriptors.
    LimitsDescriptors(u64),
    /// It has failed, and stops until it is told to go on: the command to look at its sockets.
    Held(Option<String>),
    /// It has failed: where are these threads? It waits for a byte.
    Where(Vec<Sought>),
    /// What came of it, whether by a clock, and how many descriptors are the exam's own, or were.
    End {
        outcome: Outcome,
        is_late: bool,
        ours: usize,
    },
}

/// The secret and the supervisor's process, in a fixed number of bytes.
const GREETING: usize = 32 + 10;

fn greeting(secret: &str) -> String {
    format!("{secret}{:010}", process::id())
}

/// The exam's end.
pub(super) struct Reports {
    socket: UnixStream,
    secret: String,
    is_over: bool,
}

impl Reports {
    /// Takes the socket that is stdin, and the greeting that waits in it.
    pub(super) fn on(stdin: OwnedFd) -> io::Result<Reports> {
        let mut socket = UnixStream::from(stdin);
        let mut greeting = [0; GREETING];
        socket.read_exact(&mut greeting)?;
        let greeting = str::from_utf8(&greeting).map_err(io::Error::other)?;
        let (secret, supervisor) = greeting.split_at(32);
        if supervisor.parse().map(Pid::from_raw) != Ok(getppid()) {
            return Err(io::Error::other("the supervisor has ended"));
        }
        Ok(Reports {
            socket,
            secret: secret.to_owned(),
            is_over: false,
        })
    }

    /// Reports. After the end of the check nothing more is reported.
    pub(super) fn send(&mut self, message: &Message) {
        if self.is_over {
            return;
        }
        self.send_line(message);
        if matches!(message, Message::Where(_)) {
            // Its stacks are read now. Whatever the answer does with this
            // socket, it is not waited for long.
            let _ = self.socket.set_read_timeout(Some(LOOK));
            let _ = self.socket.read(&mut [0]);
            let _ = self.socket.set_read_timeout(None);
        }
        if matches!(message, Message::End { .. }) {
            self.is_over = true;
            // The supervisor may look at this process before it goes.
            let _ = io::copy(&mut self.socket, &mut io::sink());
        }
    }

    fn send_line(&mut self, message: &Message) {
        let mut line = self.secret.clone().into_bytes();
        line.extend(serde_json::to_vec(message).expect("strings and lists have a form in JSON"));
        line.push(b'\n');
        let _ = self.socket.write_all(&line);
    }
}

/// The supervisor's end.
pub(super) struct Inbox {
    socket: UnixStream,
    secret: String,
    unread: Vec<u8>,
    count: usize,
    /// The process has closed its end, or has ended.
    pub(super) is_closed: bool,
}

/// What has come is not a report of the exam's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Forged;

impl Inbox {
    /// Two ends of a socket: this one, which has said its greeting, and a process's stdin.
    pub(super) fn new() -> io::Result<(Inbox, OwnedFd)> {
        let mut random = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let secret: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let (mut socket, stdin) = UnixStream::pair()?;
        socket.write_all(greeting(&secret).as_bytes())?;
        let inbox = Inbox {
            socket,
            secret,
            unread: Vec::new(),
            count: 0,
            is_closed: false,
        };
        Ok((inbox, stdin.into()))
    }

    /// Reads what is there. To be called when there is something.
    pub(super) fn read(&mut self) -> io::Result<()> {
        let mut buf = [0; 16 << 10];
        match self.socket.read(&mut buf) {
            Ok(0) => self.is_closed = true,
            Ok(n) => self.unread.extend(&buf[..n]),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => self.is_closed = true,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The next of the reports that have been read, if it is complete.
    pub(super) fn next(&mut self) -> Result<Option<Message>, Forged> {
        let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') else {
            return match self.unread.len() {
                0..=LINE => Ok(None),
                _ => Err(Forged),
            };
        };
        let line: Vec<u8> = self.unread.drain(..=end).collect();
        self.count += 1;
        let json = line.strip_prefix(self.secret.as_bytes());
        let message = json.and_then(|json| serde_json::from_slice(json).ok());
        match message.filter(|_| self.count <= REPORTS) {
            Some(message) => Ok(Some(message)),
            None => Err(Forged),
        }
    }

    /// Whether all that has been read was a report.
    pub(super) fn is_empty(&self) -> bool {
        self.unread.is_empty()
    }

    /// The process may go on: its threads have been looked at.
    pub(super) fn has_looked(&mut self) {
        let _ = self.socket.write_all(b"+");
    }

    /// The process may go.
    pub(super) fn say_goodbye(&self) {
        let _ = self.socket.shutdown(Shutdown::Write);
    }
}

impl AsFd for Inbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::{Forged, Inbox, LINE, Message, REPORTS};
    use std::{io::Write, os::unix::net::UnixStream};

    fn inbox() -> (Inbox, UnixStream) {
        let (inbox, stdin) = Inbox::new().unwrap();
        (inbox, stdin.into())
    }

    #[test]
    fn a_report_without_the_secret_is_forged() {
        let (mut inbox, mut answer) = inbox();
        writeln!(answer, "\"Begin\"").unwrap();
        inbox.read().unwrap();
        assert!(matches!(inbox.next(), Err(Forged)));
    }

    #[test]
    fn a_report_that_comes_in_pieces_is_one() {
        let (mut inbox, mut exam) = inbox();
        let secret = inbox.secret.clone();
        for piece in [&secret[..7], &secret[7..], "\"Beg", "in\"\n"] {
            assert!(matches!(inbox.next(), Ok(None)));
            exam.write_all(piece.as_bytes()).unwrap();
            inbox.read().unwrap();
        }
        assert!(matches!(inbox.next(), Ok(Some(Message::Begin))));
    }

    #[test]
    fn a_line_without_an_end_is_forged_and_not_kept() {
        let (mut inbox, _) = inbox();
        inbox.unread = vec![b'x'; LINE + 1];
        assert!(matches!(inbox.next(), Err(Forged)));
    }

    #[test]
    fn too_many_reports_are_forged() {
        let (mut inbox, mut exam) = inbox();
        inbox.count = REPORTS;
        writeln!(exam, "{}\"Begin\"", inbox.secret).unwrap();
        inbox.read().unwrap();
        assert!(matches!(inbox.next(), Err(Forged)));
    }
}
