//! The answer at work on a connection: what it must send and return, and when.

use std::{
    cell::Cell,
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    sync::{Arc, OnceLock},
    thread,
    time::{Duration, Instant},
};

use nix::{
    poll::PollFlags,
    time::{ClockId, clock_gettime},
};
use socket_workshop::table::{End, Table};
use socket2::SockRef;

use super::{Ended, PING, Watch, causes};

use crate::{
    checks::delay,
    exam::{
        Awaited, Because, Call, CheckError, Doing, Exam, Options, Peer, Reference, Running, Timing,
        Took, Verdict, cpu_time, descriptors,
        diagnosis::{LEAVES_A_THREAD, LEAVES_OPTIONS, SLEEPS_BETWEEN_LOOKS},
        or_skip,
    },
};

/// How late `watch` may return, not counting the time in which it had no CPU. Less than an
/// interval.
const MARGIN: Duration = Duration::from_millis(250);

/// A timeout that the caller has set.
const CALLERS: Duration = Duration::from_secs(77);

/// `watch` under way.
pub(super) struct Watching<'e> {
    exam: &'e Exam,
    answer: Running<'e, io::Result<Ended>>,
    /// Kept, so that the connection lives on when `watch` has returned.
    stream: Arc<TcpStream>,
    /// Its options, and how many descriptors were open, before the call.
    options: Options,
    descriptors: usize,
    interval: Duration,
    misses: u32,
    /// When it was called and when it returned, by its own thread: the exam may learn of it much
    /// later.
    called: Arc<OnceLock<Instant>>,
    returned: Arc<OnceLock<Instant>>,
    /// When the peer last answered, and how many pings it has read since.
    spoke: Cell<Option<Instant>>,
    unanswered: Cell<u32>,
    /// Both, before that answer.
    earlier: Cell<(Option<Instant>, u32)>,
    /// Pings that came, and those of them that were answered.
    pinged: Cell<u32>,
    answered: Cell<u32>,
}

impl<'e> Watching<'e> {
    /// Begins on a new connection. Returns the peer too.
    pub fn begin(
        exam: &'e Exam,
        watch: Watch,
        interval: Duration,
        misses: u32,
    ) -> Verdict<(Peer<'e>, Watching<'e>)> {
        let (peer, theirs) = exam.connection()?;
        let watching = Watching::on(theirs, exam, watch, interval, misses)?;
        Ok((peer, watching))
    }

    /// Begins on a new connection on which the caller has set options.
    pub fn begin_with_options(
        exam: &'e Exam,
        watch: Watch,
        interval: Duration,
        misses: u32,
    ) -> Verdict<(Peer<'e>, Watching<'e>)> {
        let (peer, theirs) = exam.connection()?;
        let socket = SockRef::from(&theirs);
        let are_set = socket
            .set_read_timeout(Some(CALLERS))
            .and_then(|()| socket.set_write_timeout(Some(CALLERS)))
            .and_then(|()| socket.set_keepalive(true))
            .and_then(|()| socket.set_tcp_nodelay(true));
        or_skip("set options", are_set)?;
        exam.step(format!(
            "set SO_RCVTIMEO and SO_SNDTIMEO to {CALLERS:?}, SO_KEEPALIVE and TCP_NODELAY"
        ));
        let watching = Watching::on(theirs, exam, watch, interval, misses)?;
        Ok((peer, watching))
    }

    /// Begins on this connection.
    pub fn on(
        theirs: TcpStream,
        exam: &'e Exam,
        watch: Watch,
        interval: Duration,
        misses: u32,
    ) -> Verdict<Watching<'e>> {
        let stream = Arc::new(theirs);
        let (options, descriptors) = (Options::of(&*stream).without_buffers(), descriptors()?);
        let theirs = Arc::clone(&stream);
        let (called, returned) = <(Arc<OnceLock<_>>, Arc<OnceLock<_>>)>::default();
        let (begins, ends) = (Arc::clone(&called), Arc::clone(&returned));
        let timed = move || {
            begins.get_or_init(Instant::now);
            let ended = watch(&theirs, interval, misses);
            ends.get_or_init(Instant::now);
            ended
        };
        exam.step(format!("called `watch(stream, {interval:?}, {misses})`"));
        let answer = exam.start("watch", timed)?;
        Ok(Watching {
            exam,
            answer,
            stream,
            options,
            descriptors,
            interval,
            misses,
            called,
            returned,
            spoke: Cell::default(),
            unanswered: Cell::default(),
            earlier: Cell::default(),
            pinged: Cell::default(),
            answered: Cell::default(),
        })
    }

    /// When it was called; now, if that is still to come.
    pub fn called(&self) -> Instant {
        self.called.get().copied().unwrap_or_else(Instant::now)
    }

    /// How long the call took, and how much of that its thread waited for a CPU, once it has
    /// returned.
    pub fn took(&self) -> Took {
        self.answer.took()
    }

    /// It must not have returned.
    pub fn goes_on(&self, why: &str) -> Verdict {
        let goes_on = self.answer.goes_on(why);
        self.unless_held_up(goes_on).because(|case| {
            self.returned_too_early(case.yours().is_some_and(|seen| seen.row.recv_q > 0))
        })
    }

    /// Waits until it has ended, however it does.
    pub fn comes_to_its_end(&self) -> Verdict {
        self.answer.comes_to_its_end().map(drop)
    }

    /// A ping must come.
    pub fn pings(&self, peer: &Peer) -> Verdict {
        self.unless_held_up(peer.receives(PING)).because(|case| {
            if !case.arrived.is_empty() {
                return Some(causes::NO_PING.to_owned());
            }
            self.returned_too_early(case.yours().is_some_and(|seen| seen.row.recv_q > 0))
        })?;
        self.pinged.set(self.pinged.get() + 1);
        self.unanswered.set(self.unanswered.get() + 1);
        Ok(())
    }

    /// It may rightly have returned: on a busy machine the peer may have been kept from answering
    /// for as long as it takes to send all pings and to wait for the last.
    fn unless_held_up(&self, verdict: Verdict) -> Verdict {
        let Some(returned) = self.returned.get().filter(|_| verdict.is_err()) else {
            return verdict;
        };
        let end = or_skip("read an address", End::of(&*self.stream))?.other();
        let queued = self.exam.table()?.find(end).map_or(0, |row| row.recv_q);
        // An answer that came when it had returned, or just before, was too late.
        let too_late = |spoke: Instant| *returned < spoke + self.interval / 4;
        let (spoke, unanswered) = match self.spoke.get() {
            Some(spoke) if too_late(spoke) => self.earlier.get(),
            spoke => (spoke, self.unanswered.get()),
        };
        let pings = unanswered + queued / PING.len() as u32;
        let silent_since = spoke.unwrap_or_else(|| self.called());
        let due = silent_since + self.interval * (self.misses + 1);
        match pings >= self.misses && *returned >= due {
            true => Err(CheckError::skipped(
                "the machine is too busy: the peer could not answer in time",
            )),
            false => verdict,
        }
    }

    /// How many pings are in the peer's Recv-Q.
    fn queued_pings(&self) -> u32 {
        let end = End::of(&*self.stream).map(End::other);
        let table = self.exam.table();
        let row = end
            .ok()
            .zip(table.ok())
            .and_then(|(end, table)| table.find(end).cloned());
        row.map_or(0, |row| row.recv_q / PING.len() as u32)
    }

    /// The cause, if it has returned before its time.
    fn returned_too_early(&self, unread: bool) -> Option<String> {
        if !self.answer.has_ended() {
            return None;
        }
        let outcome = self.answer.returns("").ok()?;
        // Those that the peer has not read yet count too, if it has answered none.
        let queued = match self.answered.get() {
            0 => self.queued_pings(),
            _ => 0,
        };
        let pings = (self.pinged.get() + queued, self.answered.get(), self.misses);
        causes::returned_too_early(&outcome, pings, unread)
    }

    /// The peer answers a ping.
    pub fn answers(&self, peer: &Peer, answer: &[u8]) -> Verdict {
        self.answered.set(self.answered.get() + 1);
        self.earlier.set((self.spoke.get(), self.unanswered.get()));
        peer.send(answer)?;
        self.spoke.set(Some(Instant::now()));
        self.unanswered.set(0);
        Ok(())
    }

    /// The peer sends a byte every so often, 24 of them. Returns when it sent the last, and how
    /// many pings a right answer may have sent meanwhile, because on a busy machine the peer made a
    /// pause, or the answer's threads waited for a CPU.
    pub fn receives_a_byte_every(&self, pause: Duration, peer: &Peer) -> Verdict<(Instant, usize)> {
        let step = format!("the peer sends a byte every {pause:?}");
        self.exam.step(step);
        let long = self.interval / 2;
        let delay = delay::of_others();
        let (mut last, mut pauses) = (self.called(), 0);
        for _ in 0..24 {
            let before = Instant::now();
            if let Err(error) = peer.stream().write_all(b".") {
                let open = "the connection to stay open";
                return self.exam.fail(open, error.to_string());
            }
            pauses += usize::from(last.elapsed() > long);
            last = before;
            thread::sleep(pause); // its length is the subject: a peer that talks
        }
        pauses += usize::from(last.elapsed() > long);
        let delay = delay::of_others().saturating_sub(delay);
        let held_up = delay.as_nanos() / long.as_nanos();
        Ok((
            last,
            pauses + usize::try_from(held_up).unwrap_or(usize::MAX),
        ))
    }

    /// Whether so much time has passed that another interval may be over, or the answer's threads
    /// may have been kept from noticing what was sent.
    pub fn is_late_since(&self, delay: Duration, intervals: u32) -> bool {
        let held_up = delay::of_others().saturating_sub(delay) >= self.interval / 2;
        held_up || self.called().elapsed() + self.interval / 2 >= self.interval * intervals
    }

    /// What has been sent until now, and not been read.
    pub fn arrived(&self, peer: &Peer) -> Verdict<Vec<u8>> {
        let end = or_skip("read an address", End::of(&*self.stream))?;
        let acknowledged = |table: &Table| {
            let sent = table.find(end).is_none_or(|row| row.send_q == 0);
            sent.then_some(())
        };
        let _ = self.exam.table_shows(acknowledged)?;
        self.queued(peer)
    }

    /// What is in the peer's Recv-Q, which is read. On loopback all that was sent is there, whether
    /// it has been acknowledged or not.
    pub fn queued(&self, peer: &Peer) -> Verdict<Vec<u8>> {
        let mut stream = peer.stream();
        let mut arrived = Vec::new();
        or_skip("make a socket non-blocking", stream.set_nonblocking(true))?;
        let read = stream.read_to_end(&mut arrived);
        or_skip("make a socket blocking", stream.set_nonblocking(false))?;
        match read {
            Err(error) if error.kind() != ErrorKind::WouldBlock => or_skip("read", Err(error)),
            _ => Ok(arrived),
        }
    }

    /// It must return this. Returns when it did.
    pub fn ends(&self, expected: Ended, when: &str) -> Verdict<Instant> {
        let outcome = self.answer.returns(when)?;
        let took = self.answer.took().time;
        let right = matches!(outcome, Ok(ended) if ended == expected);
        let expected_text = format!("`watch` to return Ok({expected:?}) {when}");
        let seen = format!(
            "it has returned otherwise, {} ms after the call",
            took.as_millis()
        );
        self.exam
            .must(right, expected_text, seen)
            .because(|_| causes::instead(expected, &outcome))?;
        self.exam
            .step(format!("`watch` has returned Ok({expected:?})"));
        Ok(self.called() + took)
    }

    /// It must return Silent. Returns when it did.
    ///
    /// A watch that never stops never rests: it is known by having sent more pings than a watch
    /// that counts one too many.
    pub fn falls_silent(&self, peer: &Peer, when: &str) -> Verdict<Instant> {
        let end = or_skip("read an address", End::of(peer.stream()))?;
        let most = (self.misses as usize + 1) * PING.len();
        let pings_on = || {
            let table = self.exam.table()?;
            let queued = table.find(end).map_or(0, |row| row.recv_q as usize);
            Ok(match self.answer.has_ended() {
                true => Some(false),
                false => (queued > most).then_some(true),
            })
        };
        if self.exam.until(pings_on)? == Some(true) {
            let came = self.arrived(peer)?;
            let expected = format!("`watch` to return Ok(Silent) {when}");
            return self
                .exam
                .fail(expected, "it has not returned")
                .because(|_| causes::pings_on(&came, self.misses));
        }
        self.ends(Ended::Silent, when)
            .because(|case| match case.awaited {
                Awaited::Return => causes::pings_on(&self.arrived(peer).ok()?, self.misses),
                _ => None,
            })
    }

    /// It must return the error of the kernel.
    pub fn fails(&self, kind: ErrorKind) -> Verdict {
        let outcome = self.answer.returns("the error of the first read")?;
        let right = matches!(&outcome, Err(error) if error.kind() == kind);
        let expected = format!("`watch` to return an error of the kind {kind:?}");
        let seen = format!("it has returned {outcome:?}");
        self.exam
            .must(right, expected, seen)
            .because(|_| Some(causes::loses_an_error(&outcome)))
    }

    /// The kernel ends the connection with ETIMEDOUT, which is not Silent: no ping has been sent. An
    /// answer that treats this error as the end of its own timeout, as std's documentation of
    /// `set_read_timeout` suggests, sends a ping, and ends by what that reports.
    pub fn ends_with_the_connection(&self) -> Verdict {
        let outcome = self.answer.returns("the error of the first read")?;
        let expected = "`watch` to return the kernel's error, ETIMEDOUT (TimedOut)";
        let seen = format!("it has returned {outcome:?}");
        let silent = matches!(outcome, Ok(Ended::Silent));
        self.exam
            .must(!silent, expected, seen)
            .because(|_| Some(causes::loses_an_error(&outcome)))
    }

    /// It must have returned about when a wait of this length was over, which began with the call.
    /// With the causes of an early and a late return.
    pub fn is_in_time(
        &self,
        reference: Reference,
        limit: Duration,
        (early, late): (&str, &str),
    ) -> Verdict {
        let took = self.answer.took();
        let timing = reference.judges(took, MARGIN)?;
        let expected = format!("`watch` to return {limit:?} after the call");
        let missing = limit.saturating_sub(took.time);
        if timing == Timing::Early && missing < self.interval / 8 {
            let seen = format!("it has returned {missing:.1?} earlier");
            return self
                .exam
                .fail(expected, seen)
                .caused_by(causes::ROUNDS_DOWN);
        }
        let seen = format!("it has returned after {:.1?}", took.time);
        match timing {
            Timing::InTime => Ok(()),
            Timing::Early => self.exam.fail(expected, seen).caused_by(early),
            Timing::Late => self.exam.fail(expected, seen).caused_by(late),
        }
    }

    /// Interrupts the call in which its thread waits.
    pub fn is_interrupted(&self) -> Verdict {
        self.exam.comes_to_rest()?;
        if !self.answer.has_ended() {
            self.answer.interrupt()?;
            self.exam
                .step("interrupted the system call in which your thread waits, by a signal");
        }
        Ok(())
    }

    /// A thread of its must wait in a call that ends when something arrives. It does not if for
    /// half an interval all of them wait in other calls. A pause after some work is shorter.
    pub fn waits_for_the_peer(&self) -> Verdict {
        let waits = |doing: &Doing| {
            matches!(
                doing,
                Doing::Unknown
                    | Doing::Blocked {
                        call: Call::Read | Call::Poll,
                        ..
                    }
            )
        };
        let mut elsewhere = None;
        let waits = self.exam.until(|| {
            let looked = Instant::now();
            let threads = self.exam.evidence().threads;
            if threads.iter().any(waits) {
                return Ok(Some(true));
            }
            if threads.is_empty() || threads.contains(&Doing::Running) {
                elsewhere = None;
                return Ok(None);
            }
            let since: &mut Instant = elsewhere.get_or_insert(looked);
            Ok((since.elapsed() > self.interval / 2).then_some(false))
        })?;
        let expected = "your thread to wait in a read or in `poll`, which an event ends";
        self.exam
            .must(waits == Some(true), expected, "it does not")
            .because(|_| self.returned_too_early(false))
            .diagnose(&[SLEEPS_BETWEEN_LOOKS])
    }

    /// What has arrived must be read: Recv-Q is 0, or 1 for a FIN.
    pub fn reads_all(&self) -> Verdict {
        let end = or_skip("read an address", End::of(&*self.stream))?;
        let read = |table: &Table| {
            table
                .find(end)
                .is_none_or(|row| row.recv_q <= 1)
                .then_some(())
        };
        let read = self.exam.table_shows(read)?.is_some();
        let expected = "what has arrived to be read";
        self.exam.must(read, expected, "bytes are unread in Recv-Q")
    }

    /// A ping must come, and is left in the peer's Recv-Q.
    pub fn is_pinging(&self, peer: &Peer) -> Verdict {
        let end = or_skip("read an address", End::of(peer.stream()))?;
        let queued = |table: &Table| table.find(end).filter(|row| row.recv_q > 0).cloned();
        let queued = self.exam.table_shows(queued)?;
        self.exam
            .must(queued.is_some(), "a ping to come", "nothing comes")
            .because(|_| self.returned_too_early(false))?;
        self.exam
            .step("a ping is in the peer's Recv-Q, and it does not read it");
        Ok(())
    }

    /// Waits for pings, which stay in the peer's Recv-Q, and returns how much CPU time the answer's
    /// threads have used meanwhile.
    pub fn uses_until(&self, pings: usize, peer: &Peer) -> Verdict<Duration> {
        let end = or_skip("read an address", End::of(peer.stream()))?;
        let before = cpu_of_others();
        let queued = |table: &Table| {
            let queued = table.find(end).map_or(0, |row| row.recv_q as usize);
            (queued >= pings * PING.len()).then_some(())
        };
        let expected = format!("{pings} pings to come");
        let came = self.exam.table_shows(queued)?.is_some();
        self.exam
            .must(came, expected, "they do not come")
            .because(|_| self.returned_too_early(false))?;
        Ok(cpu_of_others().saturating_sub(before))
    }

    /// A thread that waits is blocked in a system call.
    pub fn rests(&self) -> Verdict {
        let expected = "your thread to wait, while nothing comes";
        self.exam
            .must(self.exam.comes_to_rest()?, expected, "it runs")
            .caused_by(causes::SPINS_TOO_MUCH)
    }

    /// What happened at `at` must not have happened before `due`.
    pub fn not_before(&self, due: Instant, at: Instant, what: &str) -> Verdict {
        let after = |time: Instant| {
            let after = time.saturating_duration_since(self.called());
            format!("{:.1} ms", after.as_secs_f64() * 1000.0)
        };
        let expected = format!("{what}, not before {} after the call", after(due));
        let seen = format!("it was {} after the call", after(at));
        let missing = due.saturating_duration_since(at);
        self.exam
            .must(at >= due, expected, seen)
            .because(|_| (missing < self.interval / 8).then(|| causes::ROUNDS_DOWN.to_owned()))
    }

    /// No thread that it started may be left: neither one that waits, nor one that still pings.
    pub fn left_no_thread(&self) -> Verdict {
        let end = or_skip("read an address", End::of(&*self.stream))?.other();
        let queued = |table: &Table| table.find(end).map_or(0, |row| row.recv_q);
        let before = queued(&self.exam.table()?);
        let gone = self.exam.until(|| {
            let gone = self.exam.evidence().threads.is_empty();
            let pings = queued(&self.exam.table()?) > before;
            Ok((gone || pings).then_some(gone))
        })?;
        let gone = gone == Some(true);
        let expected = "no thread to be left when `watch` has returned";
        self.exam
            .must(gone, expected, "it has returned, and there is one, or more")
            .diagnose(&[LEAVES_A_THREAD])
    }

    /// No descriptor that it opened may be left. The exam has closed this many of its own
    /// meanwhile.
    pub fn left_no_descriptor(&self, closed: usize) -> Verdict {
        let before = self.descriptors - closed;
        let gone = self.exam.comes_true(|| Ok(descriptors()? <= before))?;
        let seen = "it has returned, and more descriptors are open than at the call";
        let expected = "no descriptor to be left when `watch` has returned";
        self.exam
            .must(gone, expected, seen)
            .diagnose(&[LEAVES_A_THREAD])
            .caused_by(causes::A_HANDLE_IS_LEFT)
    }

    /// The options of the stream must be as they were.
    pub fn left_no_option(&self) -> Verdict {
        let changed = self
            .options
            .changed(&Options::of(&*self.stream).without_buffers());
        let seen = format!("it has returned, and changed {}", changed.join("; "));
        let expected = "the options of the stream to be as they were at the call";
        self.exam
            .must(changed.is_empty(), expected, seen)
            .diagnose(&[LEAVES_OPTIONS])
    }

    /// A byte must get through to it, and one from it.
    pub fn is_open_both_ways(&self, peer: &Peer) -> Verdict {
        self.arrived(peer)?;
        peer.send(b"hello")?;
        self.exam.becomes_ready(&*self.stream, PollFlags::POLLIN)?;
        self.exam.comes_to_rest()?; // a thread that is left may read it
        let mut stream = &*self.stream;
        or_skip("make a socket non-blocking", stream.set_nonblocking(true))?; // the call is over
        let mut hello = [0; 5];
        let read = stream.read_exact(&mut hello);
        if let Err(error) = &read
            && error.kind() == ErrorKind::WouldBlock
        {
            let expected = "what the peer sends to be in the socket, for the caller to read";
            return self
                .exam
                .fail(expected, "it is not there")
                .caused_by(causes::READ_BY_ANOTHER);
        }
        let written = stream.write_all(b"bye");
        if let Err(error) = read.and(written) {
            return self
                .exam
                .fail("the stream to be open still", error.to_string())
                .caused_by(causes::SHUT_DOWN);
        }
        peer.receives(b"bye").caused_by(causes::SHUT_DOWN)
    }

    /// A byte must get through from it.
    pub fn is_open_to(&self, peer: &Peer) -> Verdict {
        if let Err(error) = (&*self.stream).write_all(b"bye") {
            return self
                .exam
                .fail("the stream to be open still", error.to_string())
                .caused_by(causes::SHUT_DOWN);
        }
        peer.receives(b"bye").caused_by(causes::SHUT_DOWN)
    }
}

/// The CPU time of this process, without the exam's own thread.
fn cpu_of_others() -> Duration {
    let own =
        clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from);
    cpu_time().saturating_sub(own)
}
