//! The program that has the outbox: it calls it, polls for it, and knows what must arrive at the peer.

use std::{
    fmt, io,
    net::TcpStream,
    os::fd::{AsFd, AsRawFd},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, SockRef, Socket, Type};

use super::{Open, Outbox, cause};
use crate::{
    checks::full::fill,
    exam::{Because, Exam, LIMIT, Peer, Unmet, Verdict, here, quote},
};

/// What both buffers are asked to be, in bytes: a write of a few times as much fills them.
const SMALL: usize = 4 << 10;

/// The owner of an outbox, and its peer.
pub(super) struct Owner<'e> {
    pub(super) exam: &'e Exam,
    /// `None` once it has reset the connection.
    pub(super) peer: Option<Peer<'e>>,
    /// For poll: the same socket as the outbox's.
    stream: TcpStream,
    outbox: Shared,
    /// All that must arrive, and how much of it has.
    pub(super) taken: Vec<u8>,
    pub(super) arrived: usize,
    /// What the outbox said after the last call.
    pub(super) queued: usize,
    pub(super) events: PollFlags,
}

/// The outbox, between two calls. A call that does not come back keeps it for ever.
#[derive(Clone)]
struct Shared(Arc<Mutex<Box<dyn Outbox>>>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an outbox")
    }
}

/// What a call returned, and what the outbox said right after it.
struct Returned {
    result: io::Result<()>,
    queued: usize,
    events: PollFlags,
}

impl fmt::Debug for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.result.fmt(f)
    }
}

impl<'e> Owner<'e> {
    /// With empty buffers.
    pub(super) fn new(exam: &'e Exam, open: Open, limit: usize) -> Verdict<Owner<'e>> {
        let (peer, stream) = connection(exam)?;
        Owner::of(exam, peer, stream, Vec::new(), open, limit)
    }

    /// With full ones: no byte can be written until the peer reads.
    pub(super) fn with_a_full_window(
        exam: &'e Exam,
        open: Open,
        limit: usize,
    ) -> Verdict<Owner<'e>> {
        let (peer, stream) = connection(exam)?;
        let filled = vec![b'x'; fill(exam, &stream)?];
        Owner::of(exam, peer, stream, filled, open, limit)
    }

    fn of(
        exam: &'e Exam,
        peer: Peer<'e>,
        stream: TcpStream,
        taken: Vec<u8>,
        open: Open,
        limit: usize,
    ) -> Verdict<Owner<'e>> {
        exam.step(format!("called `outbox` with a limit of {limit}"));
        let other = here("duplicate a descriptor", stream.try_clone())?;
        // Of several descriptors of a socket the evidence names the highest: let that be the answer's.
        let (stream, theirs) = if stream.as_raw_fd() < other.as_raw_fd() {
            (stream, other)
        } else {
            (other, stream)
        };
        let outbox = exam.start("outbox", move || {
            let outbox = open(theirs, limit)?;
            Ok(Shared(Arc::new(Mutex::new(outbox))))
        })?;
        Ok(Owner {
            exam,
            peer: Some(peer),
            stream,
            outbox: outbox.succeeds("for a new connection")?,
            taken,
            arrived: 0,
            queued: 0,
            events: PollFlags::empty(),
        })
    }

    /// Calls the outbox: what that returned, within [`LIMIT`].
    pub(super) fn call(
        &mut self,
        function: &'static str,
        body: impl FnOnce(&mut dyn Outbox) -> io::Result<()> + Send + 'static,
    ) -> Verdict<io::Result<()>> {
        let outbox = self.outbox.clone();
        let answer = self.exam.start(function, move || {
            let mut outbox = outbox.0.lock().unwrap_or_else(PoisonError::into_inner);
            Returned {
                result: body(&mut **outbox),
                queued: outbox.queued(),
                events: outbox.events(),
            }
        })?;
        let returned = answer.returns("and not to wait for the peer")?;
        (self.queued, self.events) = (returned.queued, returned.events);
        Ok(returned.result)
    }

    /// Has these bytes sent: the outbox must take them.
    pub(super) fn sends(&mut self, bytes: &[u8]) -> Verdict {
        let all = bytes.to_vec();
        self.exam
            .step(format!("called `send` with {}", quote(bytes)));
        let sent = self.call("send", move |outbox| outbox.send(&all))?;
        self.is_ok("send", sent)?;
        self.taken.extend(bytes);
        self.counts_what_is_queued()
    }

    /// Has these bytes sent: the outbox must refuse them, with an error of this kind, and not change.
    pub(super) fn is_refused(&mut self, bytes: &[u8], kind: io::ErrorKind) -> Verdict {
        let (all, before) = (bytes.to_vec(), self.queued);
        self.exam
            .step(format!("called `send` with {}", quote(bytes)));
        let sent = self.call("send", move |outbox| outbox.send(&all))?;
        let expected = format!("`send` to return an error of the kind {kind:?}");
        let got = sent.map_err(|error| error.kind());
        let seen = match &got {
            Ok(()) => "it has returned Ok".to_owned(),
            Err(other) => format!("it has returned an error of the kind {other:?}"),
        };
        self.exam
            .must(got == Err(kind), expected, seen)
            .because(|_| cause::should_refuse(kind, got))?;
        self.exam.step(format!("it returned {kind:?}"));
        self.exam
            .must(
                self.queued == before,
                format!("nothing to be taken: {before} bytes queued, as before"),
                format!("`queued` says {}", self.queued),
            )
            .caused_by(cause::took_a_part(kind))
    }

    /// Calls `writable`, which must be no error.
    pub(super) fn writes(&mut self) -> Verdict {
        self.exam.step("called `writable`");
        self.writes_quietly()
    }

    fn writes_quietly(&mut self) -> Verdict {
        let written = self.call("writable", |outbox| outbox.writable())?;
        self.is_ok("writable", written)?;
        self.counts_what_is_queued()
    }

    /// Calls `writable` a few times while the window is full, and looks at the fastest call: one alone
    /// may be slow because the machine is busy.
    pub(super) fn writes_without_a_pause(&mut self) -> Verdict {
        const CALLS: usize = 10;
        self.exam.step(format!("called `writable` {CALLS} times"));
        let mut fastest = LIMIT;
        for _ in 0..CALLS {
            let started = Instant::now();
            self.writes_quietly()?;
            fastest = fastest.min(started.elapsed());
        }
        let expected = "`writable` to return at once, for the window is full";
        let seen = format!("of {CALLS} calls the fastest took {fastest:.0?}");
        self.exam
            .must(fastest < Duration::from_millis(80), expected, seen)
            .caused_by(cause::WAITS_A_LITTLE)
    }

    /// Calls `finish`, which must be no error.
    pub(super) fn finishes(&mut self) -> Verdict {
        self.exam.step("called `finish`");
        let finished = self.call("finish", |outbox| outbox.finish())?;
        self.is_ok("finish", finished)?;
        self.counts_what_is_queued()
    }

    fn is_ok(&self, function: &str, result: io::Result<()>) -> Verdict {
        let Err(error) = result else { return Ok(()) };
        let expected = format!("`{function}` to return Ok");
        let seen = format!("it has returned an error: {error} ({:?})", error.kind());
        self.exam
            .fail(expected, seen)
            .because(|case| cause::an_error(error.kind(), case))
    }

    /// The peer resets the connection. Returns when the outbox's socket has been told.
    pub(super) fn is_reset(&mut self) -> Verdict {
        if let Some(peer) = self.peer.take() {
            peer.reset();
        }
        self.hears_the_end()
    }

    /// The peer closes too. Returns when the outbox's socket has been told.
    pub(super) fn hears_the_peer_close(&mut self) -> Verdict {
        if let Some(peer) = self.peer.take() {
            peer.close();
        }
        self.hears_the_end()
    }

    /// POLLERR and POLLHUP need not be asked for.
    fn hears_the_end(&self) -> Verdict {
        match here("poll", self.poll(PollFlags::empty(), LIMIT))? {
            true => Ok(()),
            false => Err(Unmet::not_here(
                "poll does not tell that the connection has ended",
            )),
        }
    }

    pub(super) fn poll(&self, events: PollFlags, limit: Duration) -> io::Result<bool> {
        let mut fds = [PollFd::new(self.stream.as_fd(), events)];
        let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        Ok(poll(&mut fds, limit)? > 0)
    }
}

/// As [`Exam::connection`], with small buffers on the way from the answer's end to the exam's.
fn connection(exam: &Exam) -> Verdict<(Peer<'_>, TcpStream)> {
    let listener = exam.listener()?;
    let addr = here("read an address", listener.local_addr())?;
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None);
    let socket = here("open a socket", socket)?;
    // Before connect: the SYN advertises a window already.
    here("set SO_RCVBUF", socket.set_recv_buffer_size(SMALL))?;
    here("connect", socket.connect(&addr.into()))?;
    let (yours, client) = here("accept", listener.accept())?;
    let small = SockRef::from(&yours).set_send_buffer_size(SMALL);
    here("set SO_SNDBUF", small)?;
    exam.step(format!(
        "connected {client}, the exam's end, and {addr}, yours; both have small buffers"
    ));
    Ok((Peer::new(exam, socket.into()), yours))
}
