//! The answer at work: its listener, its `serve`, and the exam's `handle`, which counts its calls.

use std::{
    io::{
        self,
        ErrorKind::{
            self, ConnectionAborted, Interrupted, InvalidData, InvalidInput, NotFound, Other,
            PermissionDenied, TimedOut, UnexpectedEof, WouldBlock,
        },
        Read, Write,
    },
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use nix::errno::Errno;
use socket_workshop::{listen, table::End};

use super::{Listen, Serve, cause, crowd::Fate};

use crate::checks::returned::{self, LOOPBACK};
use crate::exam::{Because, Exam, Peer, Running, Verdict, or_skip};

/// What a client reads when its turn has come.
pub(super) const TURN: &[u8] = b"your turn\n";

/// Errors of `handle`: of the connection, and of what is done for a client. A client that sends the
/// number of one gets it returned.
pub(super) const ERRORS: [ErrorKind; 10] = [
    InvalidData,
    Other,
    TimedOut,
    NotFound,
    UnexpectedEof,
    WouldBlock,
    PermissionDenied,
    Interrupted,
    ConnectionAborted,
    InvalidInput,
];

/// The exam's `handle`: writes to a client that its turn has come, and serves it until it sends a
/// byte or closes.
#[derive(Debug, Default)]
pub(super) struct Desk {
    calls: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Desk {
    fn handle(&self, mut stream: TcpStream) -> io::Result<()> {
        self.calls.fetch_add(1, SeqCst);
        let now = self.now.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(now, SeqCst);
        let told = stream.write_all(TURN);
        let mut word = [u8::MAX];
        let served = told.and_then(|()| stream.read(&mut word));
        self.now.fetch_sub(1, SeqCst);
        match ERRORS.get(usize::from(word[0])) {
            Some(kind) => Err((*kind).into()),
            None => served.map(drop),
        }
    }

    /// How often it has been called.
    pub(super) fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }

    /// Clients that are being served.
    pub(super) fn now(&self) -> usize {
        self.now.load(SeqCst)
    }

    /// Waits until no client is being served.
    pub(super) fn empties(&self, exam: &Exam) -> Verdict {
        exam.comes_true(|| Ok(self.now() == 0)).map(drop)
    }
}

/// What the student's `listen` returns. Its success is not worth telling in every failure of
/// `serve`.
pub(super) fn listen_once(
    exam: &Exam,
    listen: Listen,
    addr: SocketAddr,
    burst: usize,
) -> Verdict<io::Result<TcpListener>> {
    let answer = exam.start_untold("listen", move || listen(addr, burst))?;
    answer
        .returns(&format!("for a burst of {burst}"))
        .because(|case| {
            let cause = match case.panicked {
                true => {
                    "A queue that is too short is an ordinary error: return it, so that the caller \
                     can ask for less. An `unwrap`, an `assert!`, or arithmetic that overflows \
                     turns it into a panic."
                }
                false => {
                    "None of socket, bind and listen waits. Your code waits for something else: \
                     leave accept to `serve`, and return errors instead of trying again."
                }
            };
            Some(cause.to_owned())
        })
}

/// A listener from the student's `listen`.
pub(super) fn listening(exam: &Exam, listen: Listen, burst: usize) -> Verdict<TcpListener> {
    listening_on(exam, listen, LOOPBACK, burst)
}

/// A listener from the student's `listen`, on this address.
pub(super) fn listening_on(
    exam: &Exam,
    listen: Listen,
    addr: SocketAddr,
    burst: usize,
) -> Verdict<TcpListener> {
    match listen_once(exam, listen, addr, burst)? {
        Ok(listener) => {
            exam.watches(&listener);
            let local = or_skip("read its address", listener.local_addr())?;
            exam.step(format!(
                "called your `listen` for {addr} and a burst of {burst}: it is {local}"
            ));
            returned::is_at(exam, local, addr)?;
            Ok(listener)
        }
        Err(error) => {
            let expected =
                format!("`listen` to return a listener on {addr} for a burst of {burst}");
            let seen = format!("{error} ({:?})", error.kind());
            let other_family = error.raw_os_error() == Some(Errno::EAFNOSUPPORT as i32);
            exam.fail(expected, seen).caused_by(match other_family {
                true => {
                    "Your code makes a socket of another address family than the address's. Make \
                     one of its family: `Domain::for_address(addr)`."
                }
                false => {
                    "The port is free, and net.core.somaxconn allows a backlog as long as the \
                     burst. Your code refuses it, or asks for something else."
                }
            })
        }
    }
}

/// The student's server.
pub(super) struct Server<'e> {
    pub(super) exam: &'e Exam,
    /// One descriptor, shared: a duplicate would be a second descriptor in the evidence.
    pub(super) listener: Arc<TcpListener>,
    pub(super) addr: SocketAddr,
    pub(super) workers: usize,
    pub(super) desk: Arc<Desk>,
    pub(super) answer: Running<'e, io::Result<()>>,
}

impl<'e> Server<'e> {
    /// A server with this many workers, on a listener with room for all clients of the check.
    pub(super) fn start(exam: &'e Exam, serve: Serve, workers: usize) -> Verdict<Server<'e>> {
        let listener = listen::Listen::with_backlog(64).on(LOOPBACK);
        let listener = or_skip("listen on 127.0.0.1", listener)?;
        exam.watches(&listener);
        Server::on(exam, listener, serve, workers)
    }

    /// A server on this listener.
    pub(super) fn on(
        exam: &'e Exam,
        listener: TcpListener,
        serve: Serve,
        workers: usize,
    ) -> Verdict<Server<'e>> {
        let addr = or_skip("read its address", listener.local_addr())?;
        let (listener, desk) = (Arc::new(listener), Arc::new(Desk::default()));
        let (its_own, at) = (Arc::clone(&listener), Arc::clone(&desk));
        let body = move || serve(&its_own, workers, &|stream| at.handle(stream));
        let answer = exam.start("serve", body)?;
        let plural = if workers == 1 { "" } else { "s" };
        exam.step(format!(
            "called your `serve` with {workers} worker{plural}, at {addr}"
        ));
        Ok(Server {
            exam,
            listener,
            addr,
            workers,
            desk,
            answer,
        })
    }

    /// A client that is served immediately.
    pub(super) fn serves(&self, name: &str) -> Verdict<Peer<'e>> {
        let client = self.exam.dial(self.addr)?.named(name);
        self.takes(&client)?;
        Ok(client)
    }

    /// The client ends its service by an error of `handle`, of this number.
    pub(super) fn fails_for(&self, client: &Peer<'_>, number: usize) -> Verdict {
        let number = number % ERRORS.len();
        client.send(&[number as u8])?;
        self.ends(client)?;
        self.exam.step(format!(
            "`handle` has returned an error: {:?}",
            ERRORS[number]
        ));
        Ok(())
    }

    /// The client is served.
    pub(super) fn takes(&self, client: &Peer<'_>) -> Verdict {
        let addr = client.addr()?;
        let told = client.receives(TURN);
        told.because(|case| cause::not_served(self, case, addr))
    }

    /// The client's connection ends, because `handle` has returned.
    pub(super) fn ends(&self, client: &Peer<'_>) -> Verdict {
        let end = End::between(self.addr, client.addr()?);
        client.ends().because(|case| cause::not_closed(case, end))
    }

    /// What has become of its clients.
    pub(super) fn fate(&self) -> Verdict<Fate> {
        Ok(Fate::of(self.addr, &self.exam.table()?))
    }

    /// No more clients have been served at once than there are workers.
    pub(super) fn has_kept_to_its_workers(&self) -> Verdict {
        let most = self.desk.most.load(SeqCst);
        let expected = format!("at most {} clients to be served at once", self.workers);
        self.exam
            .must(
                most <= self.workers,
                expected,
                format!("{most} were served at once"),
            )
            .caused_by(cause::too_many_at_work(most, self.workers))
    }
}
