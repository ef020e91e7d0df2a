//! The program that has the outbox: it calls it, polls for it, and knows what must arrive at the
//! peer.

use std::{
    fmt,
    io::{self, ErrorKind::WouldBlock},
    net::TcpStream,
    os::fd::{AsFd, AsRawFd},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        resource::{Usage, UsageWho, getrusage},
        socket::{MsgFlags, recv, send},
        time::TimeValLike,
    },
};
use socket2::SockRef;

use super::{Open, Outbox, cause};
use crate::{
    checks::full::{fill, fill_buffers},
    exam::{
        Because, Buffers, CheckError, Exam, Peer, Verdict, descriptors, is_ready, numbered,
        or_skip, quote,
    },
};

/// What both buffers are asked to be, in bytes: a write of a few times as much fills them.
const SMALL: usize = 4 << 10;

/// What a call must write at once, in bytes, where the kernel has room for more: more than the
/// usual sizes of buffers. A right answer may write a byte at a time, and move the rest each time.
const MUCH: usize = 100_000;

/// CPU time that a call may use which has nothing to do: a thousand times what it needs.
const A_LOT: Duration = Duration::from_millis(100);

/// The number of calls that are looked at, where one alone shows little.
pub(super) const CALLS: usize = 10;

/// The owner of an outbox, and its peer.
pub(super) struct Owner<'e> {
    pub(super) exam: &'e Exam,
    /// `None` once it has reset the connection.
    pub(super) peer: Option<Peer<'e>>,
    /// For poll: the same socket as the outbox's.
    pub(super) stream: TcpStream,
    /// `None` once it is dropped.
    outbox: Option<Shared>,
    /// The limit that it was given.
    limit: usize,
    /// How many descriptors were open when the outbox was made, its own among them.
    descriptors: usize,
    /// All that must arrive, and how much of it has.
    pub(super) taken: Vec<u8>,
    pub(super) arrived: usize,
    /// What the outbox returned after the last call.
    pub(super) queued: usize,
    pub(super) events: PollFlags,
    /// What the last call has cost.
    pub(super) cost: Cost,
}

/// The outbox, between two calls. A call that does not return keeps it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Box<dyn Outbox>>>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an outbox")
    }
}

/// What a call returned, and what the outbox returned right after it.
struct Returned {
    result: io::Result<()>,
    queued: usize,
    events: PollFlags,
    cost: Cost,
}

/// What the kernel has counted of a thread during a call (getrusage(2)).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    /// How often it has waited for something, and left the CPU to others.
    waits: u64,
    cpu: Duration,
}

impl Cost {
    /// What the calling thread has cost so far.
    fn so_far() -> Cost {
        let cost = |usage: Usage| Cost {
            waits: u64::try_from(usage.voluntary_context_switches()).unwrap_or(0),
            cpu: [usage.user_time(), usage.system_time()]
                .map(|time| Duration::from_micros(time.num_microseconds().unsigned_abs()))
                .iter()
                .sum(),
        };
        getrusage(UsageWho::RUSAGE_THREAD).map_or(Cost::default(), cost)
    }

    fn since(self, before: Cost) -> Cost {
        Cost {
            waits: self.waits.saturating_sub(before.waits),
            cpu: self.cpu.saturating_sub(before.cpu),
        }
    }
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

    /// With the kernel's default buffers, and a number of bytes for which these have room: at most
    /// half of what an equal connection has taken at once.
    pub(super) fn with_large_buffers(exam: &'e Exam, open: Open) -> Verdict<(Owner<'e>, usize)> {
        let (_peer, stream) = exam.connection()?;
        let filled = fill_at_once(&stream)?;
        exam.step(format!(
            "filled your send buffer, to know the room in the next one: {filled} bytes"
        ));
        let room = MUCH.min(filled / 2);
        let (peer, stream) = exam.connection()?;
        let owner = Owner::of(exam, peer, stream, Vec::new(), open, room)?;
        Ok((owner, room))
    }

    /// The same, with full buffers. When the peer has read, there is room for this number of bytes.
    pub(super) fn with_large_full_buffers(
        exam: &'e Exam,
        open: Open,
    ) -> Verdict<(Owner<'e>, usize)> {
        let (peer, stream) = exam.connection()?;
        let filled = fill_buffers(exam, &stream)?;
        let room = MUCH.min(filled / 2);
        let owner = Owner::of(exam, peer, stream, vec![b'x'; filled], open, room)?;
        Ok((owner, room))
    }

    /// On a connection that has carried these bytes.
    pub(super) fn of(
        exam: &'e Exam,
        peer: Peer<'e>,
        stream: TcpStream,
        taken: Vec<u8>,
        open: Open,
        limit: usize,
    ) -> Verdict<Owner<'e>> {
        exam.step(format!("called `outbox` with a limit of {limit}"));
        let other = or_skip("duplicate a descriptor", stream.try_clone())?;
        // Of several descriptors of a socket the evidence names the highest: let that be the
        // answer's.
        let (stream, theirs) = if stream.as_raw_fd() < other.as_raw_fd() {
            (stream, other)
        } else {
            (other, stream)
        };
        let descriptors = descriptors()?;
        let outbox = exam.start("outbox", move || {
            let outbox = open(theirs, limit)?;
            Ok(Shared(Arc::new(Mutex::new(outbox))))
        })?;
        Ok(Owner {
            exam,
            peer: Some(peer),
            stream,
            outbox: Some(outbox.succeeds("for a new connection")?),
            limit,
            descriptors,
            taken,
            arrived: 0,
            queued: 0,
            events: PollFlags::empty(),
            cost: Cost::default(),
        })
    }

    /// Calls the outbox: what that returned.
    pub(super) fn call(
        &mut self,
        function: &'static str,
        body: impl FnOnce(&mut dyn Outbox) -> io::Result<()> + Send + 'static,
    ) -> Verdict<io::Result<()>> {
        let outbox = self.outbox.clone().expect("it is not dropped yet");
        let answer = self.exam.start(function, move || {
            let mut outbox = outbox.0.lock().unwrap_or_else(PoisonError::into_inner);
            let before = Cost::so_far();
            let result = body(&mut **outbox);
            Returned {
                cost: Cost::so_far().since(before),
                result,
                queued: outbox.queued(),
                events: outbox.events(),
            }
        })?;
        let returned = answer.returns("without waiting for the peer")?;
        (self.queued, self.events) = (returned.queued, returned.events);
        self.cost = returned.cost;
        Ok(returned.result)
    }

    /// Calls `send` with these bytes: the outbox must accept them.
    pub(super) fn sends(&mut self, bytes: &[u8]) -> Verdict {
        self.exam
            .step(format!("called `send` with {}", quote(bytes)));
        self.sends_quietly(bytes)
    }

    /// Calls `send` until this many bytes are queued: a kernel short of memory closes a window
    /// early, and opens it again when it has memory.
    pub(super) fn sends_until_queued(&mut self, bytes: usize) -> Verdict {
        for _call in 0..CALLS {
            self.sends(&numbered(bytes.saturating_sub(self.queued)))?;
            if self.queued >= bytes {
                return Ok(());
            }
        }
        Err(CheckError::skipped(
            "the kernel takes everything, although the peer does not read",
        ))
    }

    fn sends_quietly(&mut self, bytes: &[u8]) -> Verdict {
        let all = bytes.to_vec();
        let sent = self.call("send", move |outbox| outbox.send(&all))?;
        self.is_ok("send", sent)?;
        self.taken.extend(bytes);
        self.counts_what_is_queued()
    }

    /// Calls `send` with these bytes: the outbox must refuse them, with an error of this kind.
    pub(super) fn is_refused(&mut self, bytes: &[u8], kind: io::ErrorKind) -> Verdict {
        let all = bytes.to_vec();
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
            .because(|_| cause::should_refuse(bytes, kind, got))?;
        self.exam.step(format!("it returned {kind:?}"));
        Ok(())
    }

    /// As [`Self::is_refused`], and nothing may be queued.
    pub(super) fn takes_nothing(&mut self, bytes: &[u8], kind: io::ErrorKind) -> Verdict {
        let before = self.queued;
        self.is_refused(bytes, kind)?;
        self.has_accepted_nothing(before, kind)
    }

    /// Calls `send` with bytes that do not fit beside the queued ones, although the kernel has room
    /// for these. One that writes the queue first may accept them. One that refuses them has
    /// written nothing.
    pub(super) fn takes_all_or_nothing(&mut self, bytes: &[u8]) -> Verdict {
        self.exam
            .step(format!("called `send` with {}", quote(bytes)));
        let (before, all) = (self.queued, bytes.to_vec());
        let sent = self.call("send", move |outbox| outbox.send(&all))?;
        let refused = sent.as_ref().is_err_and(|e| e.kind() == WouldBlock);
        if !refused {
            self.is_ok("send", sent)?;
            self.taken.extend(bytes);
            return self.counts_what_is_queued();
        }
        self.exam.step("it returned WouldBlock");
        self.has_accepted_nothing(before, WouldBlock)
    }

    /// A refused `send` has left the queue as it was.
    fn has_accepted_nothing(&self, before: usize, kind: io::ErrorKind) -> Verdict {
        self.exam
            .must(
                self.queued == before,
                format!("nothing to be written or queued: {before} bytes queued, as before"),
                format!("`queued` returns {}", self.queued),
            )
            .caused_by(cause::took_a_part(kind, self.queued < before))
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

    /// Calls `writable`, and then `send` with a byte, several times while the window is full.
    pub(super) fn calls_without_a_pause(&mut self) -> Verdict {
        self.exam.step(format!("called `writable` {CALLS} times"));
        let mut costs = Vec::new();
        for _ in 0..CALLS {
            self.writes_quietly()?;
            costs.push(self.cost);
        }
        self.has_not_paused("writable", &costs)?;
        self.exam
            .step(format!("called `send` with one byte, {CALLS} times"));
        costs.clear();
        for _ in 0..CALLS {
            self.sends_quietly(b".")?;
            costs.push(self.cost);
        }
        self.has_not_paused("send", &costs)
    }

    /// The cheapest of these calls must have cost nothing: one alone may have met something else
    /// that it had to wait for, such as memory.
    pub(super) fn has_not_paused(&self, function: &str, costs: &[Cost]) -> Verdict {
        let waits = costs.iter().map(|cost| cost.waits).min().unwrap_or(0);
        let cpu = costs.iter().map(|cost| cost.cpu).min().unwrap_or_default();
        let expected = format!("`{function}` to return immediately: the window is full");
        let waited = "your thread has waited in each of the calls: the kernel counts that \
                      (getrusage(2), voluntary context switches)";
        let used = format!("each of the calls has used {cpu:.0?} of CPU time, or more");
        // First: a call that runs for long may have to wait for the socket while the exam looks.
        self.exam
            .must(cpu < A_LOT, &expected, used)
            .caused_by(cause::SPINS_A_LITTLE)?;
        self.exam
            .must(waits == 0, expected, waited)
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
            .because(|_| cause::cuts_the_limit(error.kind(), self.limit))
            .because(|case| cause::an_error(error.kind(), self.queued, case))
    }

    /// Enlarges the send buffer. Returns whether the kernel has room for this many bytes from now
    /// on: an administrator may allow less (net.core.wmem_max).
    pub(super) fn gets_room_for(&self, bytes: usize) -> Verdict<bool> {
        let socket = SockRef::from(&self.stream);
        let room = 4 * bytes; // each segment needs more memory than its bytes
        or_skip("set SO_SNDBUF", socket.set_send_buffer_size(room))?;
        let size = or_skip("read SO_SNDBUF", socket.send_buffer_size())?;
        self.exam
            .step(format!("enlarged your send buffer to {size} bytes"));
        Ok(size >= room)
    }

    /// The peer half-closes, and then resets the connection: the kernel reports EPIPE.
    pub(super) fn is_half_closed_and_reset(&mut self) -> Verdict {
        if let Some(peer) = &self.peer {
            peer.half_close()?;
        }
        self.is_reset()
    }

    /// The peer resets the connection. Returns when poll reports it on the outbox's socket.
    pub(super) fn is_reset(&mut self) -> Verdict {
        if let Some(peer) = self.peer.take() {
            peer.reset();
        }
        self.polls_the_end()
    }

    /// The peer closes too. Returns when poll reports it on the outbox's socket.
    pub(super) fn sees_the_peer_close(&mut self) -> Verdict {
        if let Some(peer) = self.peer.take() {
            peer.close();
        }
        self.polls_the_end()
    }

    /// POLLERR and POLLHUP need not be asked for.
    fn polls_the_end(&self) -> Verdict {
        match self.exam.becomes_ready(&self.stream, PollFlags::empty())? {
            true => Ok(()),
            false => Err(CheckError::skipped(
                "poll does not report that the connection has ended",
            )),
        }
    }

    /// Waits until poll reports one of these.
    pub(super) fn becomes_ready(&self, events: PollFlags) -> Verdict<bool> {
        self.exam.becomes_ready(&self.stream, events)
    }

    /// The peer sends this.
    pub(super) fn peer_sends(&self, bytes: &[u8]) -> Verdict {
        match &self.peer {
            Some(peer) => peer.send(bytes),
            None => Ok(()),
        }
    }

    /// The owner reads what the peer has sent, which must be all of it.
    pub(super) fn reads(&self, bytes: &[u8]) -> Verdict {
        let mut got = Vec::new();
        let ended = self.exam.wait_for(|rest| {
            is_ready(&self.stream, PollFlags::POLLIN, rest)?;
            let mut buf = [0; 256];
            match recv(self.stream.as_raw_fd(), &mut buf, MsgFlags::MSG_DONTWAIT) {
                Ok(0) => return Ok(Some(true)),
                Ok(n) => got.extend(&buf[..n]),
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(_) => return Ok(Some(true)),
            }
            Ok((got.len() >= bytes.len()).then_some(false))
        })?;
        let expected = format!("the owner to read {}", quote(bytes));
        let seen = match ended {
            Some(true) => "end of file, or an error".to_owned(),
            _ if got.is_empty() => "nothing comes".to_owned(),
            _ => quote(&got),
        };
        self.exam
            .must(got == bytes, expected, seen)
            .caused_by(cause::TAKES_WHAT_IS_THE_OWNERS)?;
        self.exam.step(format!("the owner read {}", quote(bytes)));
        Ok(())
    }

    /// Drops the outbox. The connection is still the owner's.
    pub(super) fn drops_it(&mut self) -> Verdict {
        self.exam.step("dropped the outbox");
        let outbox = self.outbox.take();
        let dropped = self.exam.start("drop", move || drop(outbox))?;
        dropped.returns("for an outbox")
    }

    /// Drops the outbox, which must leave no descriptor and no thread.
    pub(super) fn leaves_nothing_when_dropped(mut self) -> Verdict {
        self.drops_it()?;
        let (exam, before) = (self.exam, self.descriptors);
        exam.must_leave_no_thread(
            "no thread to be left when the outbox is dropped",
            "a thread that it started is still there",
        )
        .caused_by(cause::KEEPS_A_THREAD)?;
        exam.must(
            exam.comes_true(|| Ok(descriptors()? < before))?,
            "the descriptor of the outbox to be closed when it is dropped",
            "it is still open",
        )
        .caused_by(cause::KEEPS_A_DESCRIPTOR)
    }

    /// Whether poll reports one of these now.
    pub(super) fn is_ready(&self, events: PollFlags) -> Verdict<bool> {
        let mut fds = [PollFd::new(self.stream.as_fd(), events)];
        let ready = poll(&mut fds, PollTimeout::ZERO).map_err(io::Error::from);
        Ok(or_skip("poll", ready)? > 0)
    }
}

/// As [`Exam::connection`], with small buffers on the way from the answer's end to the exam's.
pub(super) fn connection(exam: &Exam) -> Verdict<(Peer<'_>, TcpStream)> {
    exam.connection_with(Buffers::back(SMALL))
}

/// Writes as much as the kernel takes without waiting. Returns how many bytes, each an `x`, that
/// were.
fn fill_at_once(stream: &TcpStream) -> Verdict<usize> {
    let mut written = 0;
    loop {
        match send(
            stream.as_raw_fd(),
            &[b'x'; 64 << 10],
            MsgFlags::MSG_DONTWAIT,
        ) {
            Ok(n) => written += n,
            Err(Errno::EAGAIN) => return Ok(written),
            Err(Errno::EINTR) => {}
            Err(errno) => return or_skip("fill a send buffer", Err(errno.into())),
        }
    }
}
