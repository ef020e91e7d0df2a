//! The answer at work on a connection: what it must send and return, and when.

use std::{
    cell::Cell,
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    sync::{Arc, OnceLock},
    thread,
    time::{Duration, Instant},
};

use nix::sys::resource::{UsageWho, getrusage};
use socket_workshop::{
    deadline::Deadline,
    table::{End, Table},
};
use socket2::SockRef;

use super::{Ended, PING, Watch, causes};

use crate::exam::{Answer, Because, Exam, LIMIT, Peer, Verdict, here};

/// How early is not early: the kernel counts in jiffies, of up to 10 ms.
const JIFFY: Duration = Duration::from_millis(10);

/// `watch` under way.
pub(super) struct Watching<'e> {
    exam: &'e Exam,
    answer: Answer<'e, io::Result<Ended>>,
    /// Kept, so that the connection lives on when `watch` has returned.
    stream: Arc<TcpStream>,
    misses: u32,
    /// When it was called and when it returned, by its own thread: the exam may hear of it much later.
    called: Arc<OnceLock<Instant>>,
    returned: Arc<OnceLock<Instant>>,
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

    /// Begins on this connection.
    pub fn on(
        theirs: TcpStream,
        exam: &'e Exam,
        watch: Watch,
        interval: Duration,
        misses: u32,
    ) -> Verdict<Watching<'e>> {
        let stream = Arc::new(theirs);
        let theirs = Arc::clone(&stream);
        let (called, returned) = <(Arc<OnceLock<_>>, Arc<OnceLock<_>>)>::default();
        let (begins, ends) = (Arc::clone(&called), Arc::clone(&returned));
        let timed = move || {
            begins.get_or_init(Instant::now);
            let ended = watch(&theirs, interval, misses);
            ends.get_or_init(Instant::now);
            ended
        };
        let answer = exam.start("watch", timed)?;
        exam.step(format!("called `watch(stream, {interval:?}, {misses})`"));
        Ok(Watching {
            exam,
            answer,
            stream,
            misses,
            called,
            returned,
            pinged: Cell::default(),
            answered: Cell::default(),
        })
    }

    /// When it was called; now, if that is still to come.
    pub fn called(&self) -> Instant {
        self.called.get().copied().unwrap_or_else(Instant::now)
    }

    /// It must not have returned.
    pub fn goes_on(&self, why: &str) -> Verdict {
        self.answer
            .goes_on(why)
            .because(|case| self.gave_up(case.yours().is_some_and(|seen| seen.row.recv_q > 0)))
    }

    /// A ping must come.
    pub fn pings(&self, peer: &Peer) -> Verdict {
        peer.receives(PING).because(|case| {
            if !case.arrived.is_empty() {
                return Some(causes::NO_PING.to_owned());
            }
            self.gave_up(case.yours().is_some_and(|seen| seen.row.recv_q > 0))
        })?;
        self.pinged.set(self.pinged.get() + 1);
        Ok(())
    }

    /// The cause, if it has returned before its time.
    fn gave_up(&self, unread: bool) -> Option<String> {
        let outcome = self.answer.returns("").ok()?;
        let pings = (self.pinged.get(), self.answered.get(), self.misses);
        causes::gave_up(&outcome, pings, unread)
    }

    /// The peer answers a ping.
    pub fn answers(&self, peer: &Peer, answer: &[u8]) -> Verdict {
        self.answered.set(self.answered.get() + 1);
        peer.send(answer)
    }

    /// The peer sends a byte every so often, 24 of them. Returns when it sent the last, and how often
    /// there was a pause between two of them, or after the last, that was longer than `long`: on a
    /// busy machine there may be.
    pub fn hears_a_byte_every(
        &self,
        pause: Duration,
        long: Duration,
        peer: &Peer,
    ) -> Verdict<(Instant, usize)> {
        let step = format!("the peer sends a byte every {pause:?}");
        self.exam.step(step);
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
        Ok((last, pauses))
    }

    /// What has been sent until now, and not been read.
    pub fn arrived(&self, peer: &Peer) -> Verdict<Vec<u8>> {
        let end = here("read an address", End::of(&*self.stream))?;
        let acknowledged = |table: &Table| {
            let sent = table.find(end).is_none_or(|row| row.send_q == 0);
            sent.then_some(())
        };
        let _ = self.exam.table_shows(acknowledged)?;
        let mut stream = peer.stream();
        let mut arrived = Vec::new();
        here("make a socket non-blocking", stream.set_nonblocking(true))?;
        let read = stream.read_to_end(&mut arrived);
        here("make a socket blocking", stream.set_nonblocking(false))?;
        match read {
            Err(error) if error.kind() != ErrorKind::WouldBlock => here("read", Err(error)),
            _ => Ok(arrived),
        }
    }

    /// It must return this, and soon. Returns when it did.
    pub fn ends(&self, expected: Ended, when: &str) -> Verdict<Instant> {
        let outcome = self.answer.returns(when)?;
        let at = self.returned.get().copied().unwrap_or_else(Instant::now);
        let right = matches!(outcome, Ok(ended) if ended == expected);
        let expected_text = format!("`watch` to return Ok({expected:?}) {when}");
        let seen = format!(
            "it has returned otherwise, {} ms after the call",
            (at - self.called()).as_millis()
        );
        self.exam
            .must(right, expected_text, seen)
            .because(|_| causes::instead(expected, &outcome))?;
        self.exam
            .step(format!("`watch` has returned Ok({expected:?})"));
        Ok(at)
    }

    /// It must return Silent, and soon. Returns when it did.
    pub fn falls_silent(&self, peer: &Peer, when: &str) -> Verdict<Instant> {
        self.ends(Ended::Silent, when)
            .because(|case| causes::pings_on(case, &self.arrived(peer).ok()?, self.misses))
    }

    /// A ping must come, and is left in the peer's Recv-Q.
    pub fn is_pinging(&self, peer: &Peer) -> Verdict {
        let end = here("read an address", End::of(peer.stream()))?;
        let queued = |table: &Table| table.find(end).filter(|row| row.recv_q > 0).cloned();
        let queued = self.exam.table_shows(queued)?;
        let seen = format!("nothing within {LIMIT:?}");
        self.exam
            .must(queued.is_some(), "a ping to come", seen)
            .because(|_| self.gave_up(false))?;
        self.exam
            .step("a ping is in the peer's Recv-Q, and it does not read it");
        Ok(())
    }

    /// What happened at `at` must not have happened before `due`.
    pub fn not_before(&self, due: Instant, at: Instant, what: &str) -> Verdict {
        let after = |time: Instant| time.saturating_duration_since(self.called()).as_millis();
        let expected = format!("{what}, not before {} ms after the call", after(due));
        let seen = format!("it was {} ms after the call", after(at));
        self.exam.must(at + JIFFY >= due, expected, seen)
    }

    /// No thread that it started may be left. One that has been joined is gone in a moment.
    pub fn left_no_thread(&self) -> Verdict {
        let gone = || Ok(self.exam.evidence().threads.is_empty().then_some(()));
        let gone = Deadline::after(LIMIT / 4).wait_for(gone);
        let expected = "no thread to be left when `watch` has returned";
        let seen = "there is one, or more";
        self.exam
            .must(matches!(gone, Ok(Some(()))), expected, seen)
            .caused_by(causes::A_THREAD_IS_LEFT)
    }

    /// The stream must be blocking and without timeouts, as it was given.
    pub fn left_no_option(&self) -> Verdict {
        let asked = "read the options of a socket";
        let timeout = |kind: &str, timeout: Option<Duration>| {
            timeout.map(|timeout| format!("has a {kind} timeout of {timeout:?}"))
        };
        let nonblocking = here(asked, SockRef::from(&*self.stream).nonblocking())?;
        let left: Vec<String> = [
            nonblocking.then(|| "is non-blocking".to_owned()),
            timeout("read", here(asked, self.stream.read_timeout())?),
            timeout("write", here(asked, self.stream.write_timeout())?),
        ]
        .into_iter()
        .flatten()
        .collect();
        let seen = format!("it {}", left.join(", and "));
        let expected = "the stream to be blocking and without timeouts, as it was given";
        self.exam
            .must(left.is_empty(), expected, seen)
            .caused_by(causes::OPTIONS_STAY)
    }

    /// A byte must get through to it, and one from it.
    pub fn is_open_both_ways(&self, peer: &Peer) -> Verdict {
        self.arrived(peer)?;
        peer.send(b"hello")?;
        let mut stream = Deadline::after(LIMIT).on(&*self.stream);
        let mut hello = [0; 5];
        let read = stream.read_exact(&mut hello);
        let written = stream.write_all(b"bye");
        if let Err(error) = read.and(written) {
            return self
                .exam
                .fail("the stream to be usable still", error.to_string())
                .caused_by(causes::SHUT_DOWN);
        }
        peer.receives(b"bye")
    }
}

/// The processor time of this process, of the program and of the kernel for it.
pub(super) fn cpu_time() -> Verdict<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).map_err(io::Error::from);
    let usage = here("read the processor time", usage)?;
    let time = |time: nix::sys::time::TimeVal| {
        Duration::new(time.tv_sec() as u64, time.tv_usec() as u32 * 1000)
    };
    Ok(time(usage.user_time()) + time(usage.system_time()))
}
