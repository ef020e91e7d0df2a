//! A call of the answer: a connection with little room in it, and what its peer must get.

use std::{
    io::{self, ErrorKind},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use super::{Function, cause};
use socket_workshop::table::{End, Row, State, Table};

use crate::exam::{
    AMPLE, Because, Buffers, Call as SystemCall, Case, CheckError, Doing, Exam, Peer, Reference,
    Running, Timing, Took, Verdict, descriptors,
    diagnosis::{LEAVES_A_THREAD, RETURNS_AT_A_SIGNAL, SLEEPS_BETWEEN_LOOKS},
    handles_of, inode_of, numbered, or_skip,
};

/// How late a call may be at its limit, not counting the time in which it had no CPU.
const MARGIN: Duration = Duration::from_millis(250);

/// The peer's receive buffer, in bytes; the kernel doubles it (socket(7), SO_RCVBUF). Much smaller,
/// and what is left of the window that it had at first would be less than a segment: the sender
/// would wait for its timer each time.
const PEERS: usize = 64 << 10;

/// How many half mebibytes are a lot, and for how long they are sent at most.
const A_LOT: usize = 32;
const PATIENCE: Duration = Duration::from_secs(3);

/// The answer at work.
pub(super) struct Call<'e> {
    exam: &'e Exam,
    /// `None` once it has reset the connection.
    peer: Option<Peer<'e>>,
    pub(super) answer: Running<'e, io::Result<()>>,
    bytes: Vec<u8>,
    before: Before,
    limit: Duration,
    /// A wait of the exam's own beside the answer, where time is the subject.
    reference: Option<Reference<'e>>,
    yours: End,
    /// Of the socket that the answer has got.
    inode: u64,
    /// How many descriptors were open before the call.
    open: usize,
}

/// What to look for when a call has returned.
pub(super) struct Left<'e> {
    exam: &'e Exam,
    inode: u64,
    /// How many descriptors are open if the answer has left none.
    open: usize,
}

/// How much there is to send.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// Much more than a slow reader takes before the limit has passed.
    Huge,
    /// More than both buffers hold.
    Large,
    /// As much as the send buffer holds, and the peer's receive buffer does not.
    Fits,
    /// What needs no room.
    Short,
    /// No byte: a FIN alone.
    Empty,
}

/// What the peer has done before the call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    Asked,
    /// Asked, and closed its sending half.
    HalfClosed,
    /// Closed its sending half, and asked nothing.
    OnlyHalfClosed,
    /// Asked, and reset the connection.
    Reset,
    /// Asked, closed its sending half, and reset the connection.
    HalfClosedAndReset,
}

impl Before {
    fn has_half_closed(self) -> bool {
        !matches!(self, Before::Nothing | Before::Asked | Before::Reset)
    }
}

impl<'e> Call<'e> {
    pub(super) fn begin(
        exam: &'e Exam,
        function: Function,
        limit: Duration,
        (size, before): (Size, Before),
    ) -> Verdict<Call<'e>> {
        let (your_send, len) = match size {
            Size::Huge => (16 << 10, 1 << 20),
            Size::Large => (16 << 10, 224 << 10),
            Size::Fits => (192 << 10, 256 << 10),
            Size::Short => (16 << 10, 64),
            Size::Empty => (16 << 10, 0),
        };
        let (peer, stream) = exam.connection_with(Buffers {
            your_send,
            their_receive: PEERS,
            ..Buffers::default()
        })?;
        let yours = or_skip("read an address", End::of(&stream))?;
        let inode = inode_of(&stream)?;
        if !matches!(before, Before::Nothing | Before::OnlyHalfClosed) {
            peer.send(b"a question")?;
        }
        if before.has_half_closed() {
            peer.half_close()?;
        }
        let there = |row: &Row| match before {
            Before::Nothing => true,
            Before::Asked | Before::Reset => row.recv_q == 10,
            _ => row.state == State::CloseWait,
        };
        let look = |table: &Table| table.find(yours).filter(|row| there(row)).map(drop);
        if exam.table_shows(look)?.is_none() {
            return Err(CheckError::skipped(
                "what was sent does not arrive in Recv-Q",
            ));
        }
        let peer = match before {
            Before::Reset | Before::HalfClosedAndReset => {
                peer.reset();
                let gone = |table: &Table| table.find(yours).is_none().then_some(());
                exam.table_shows(gone)?;
                None
            }
            _ => Some(peer),
        };
        let bytes = numbered(len);
        exam.step(format!(
            "called `answer` with {len} bytes and a limit of {limit:?}"
        ));
        let own = bytes.clone();
        let reference = (limit < AMPLE).then(|| exam.reference(limit));
        let reference = reference.transpose()?;
        let open = descriptors()?;
        let answer = exam.start("answer", move || function(stream, &own, limit))?;
        Ok(Call {
            exam,
            peer,
            answer,
            bytes,
            before,
            limit,
            reference,
            yours,
            inode,
            open,
        })
    }

    /// The exam's end.
    pub(super) fn peer(&self) -> &Peer<'e> {
        self.peer.as_ref().expect("it has not reset the connection")
    }

    /// How many bytes there are to send.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The peer must get all of the answer, then end of file.
    pub(super) fn arrives(&self) -> Verdict {
        self.peer()
            .receives(&self.bytes)
            .and_then(|()| self.peer().ends())
            .because(|case| cause::does_not_arrive(case, self.yours))
    }

    /// The peer sends more: the answer must read it.
    pub(super) fn drains(&self, words: &[u8]) -> Verdict {
        let why = |case: &Case| cause::does_not_drain(case, self.yours);
        let sent = self.peer().send(words);
        sent.diagnose(&[RETURNS_AT_A_SIGNAL]).because(why)?;
        let read = |table: &Table| {
            let (yours, peers) = (table.find(self.yours), table.find(self.yours.other()));
            match yours.zip(peers) {
                None => Some(false), // reset
                Some((yours, peers)) => (yours.recv_q == 0 && peers.send_q == 0).then_some(true),
            }
        };
        let seen = match self.exam.table_shows(read)? {
            Some(true) => return Ok(()),
            Some(false) => "the connection has been reset: neither end is left".to_owned(),
            None => "it is not read".to_owned(),
        };
        let expected = "what the peer sends to be read, because it has not closed";
        let failed = self.exam.fail(expected, seen);
        failed.diagnose(&[RETURNS_AT_A_SIGNAL]).because(why)
    }

    /// The peer sends a lot more, as long as the answer reads fast. One that reads slowly may be
    /// right, and has read much by then.
    pub(super) fn drains_a_lot(&self) -> Verdict {
        let (piece, begun) = (numbered(512 << 10), Instant::now());
        for _ in 0..A_LOT {
            if begun.elapsed() > PATIENCE {
                break;
            }
            self.drains(&piece)?;
        }
        Ok(())
    }

    /// The call must not have returned: the peer has not closed.
    pub(super) fn goes_on(&self) -> Verdict {
        self.answer
            .goes_on("the peer has not closed")
            .because(cause::ends_too_soon)
    }

    /// The call must not have returned: its limit is far, and a signal is not the end. The peer
    /// ends it then.
    pub(super) fn goes_on_after_a_signal(mut self) -> Verdict {
        self.answer
            .goes_on("a signal does not end it")
            .diagnose(&[RETURNS_AT_A_SIGNAL])
            .because(cause::ends_too_soon)?;
        if let Some(peer) = self.peer.take() {
            peer.reset();
        }
        self.answer.comes_to_its_end().map(drop)
    }

    /// The peer resets the connection, if it has not done so before: the call must return that
    /// error.
    pub(super) fn returns_the_reset(&mut self, when: &str) -> Verdict {
        let mut had_returned = false;
        if let Some(peer) = self.peer.take() {
            self.exam.comes_to_rest()?;
            had_returned = self.answer.has_ended();
            peer.reset();
        }
        let error = self
            .answer
            .fails(&format!("after a reset {when}"))
            .because(|case| match had_returned {
                true if self.before.has_half_closed() => cause::ends_before_all_is_sent(case),
                true => cause::ends_too_soon(case),
                false if self.is_left_to_shutdown() => cause::loses_shutdowns_error(case),
                false if self.bytes.is_empty() => cause::loses_a_reset_with_nothing_to_write(case),
                false => cause::loses_a_reset(case),
            })?;
        let kind = error.kind();
        self.exam
            .must(
                matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
                "the error to be ConnectionReset or BrokenPipe",
                format!("it has returned {kind:?}: {error}"),
            )
            .caused_by(cause::another_error(kind))
    }

    /// Whether only a `shutdown` fails: there is nothing to write, and a read returns Ok(0).
    fn is_left_to_shutdown(&self) -> bool {
        self.before == Before::HalfClosedAndReset && self.bytes.is_empty()
    }

    /// The call must return Ok, because the peer has closed.
    pub(super) fn succeeds(&self) -> Verdict {
        let when = "after the peer's end of file";
        let returned = self.answer.returns(when).because(cause::does_not_return)?;
        if let Err(error) = returned {
            let kind = error.kind();
            let seen = format!("it has returned {kind:?}: {error}");
            let failed = self
                .exam
                .fail(format!("`answer` to return Ok {when}"), seen);
            return failed.because(|_| cause::needless_error(kind));
        }
        Ok(())
    }

    /// The call must end at its limit, and not before it. `late` says why it has not ended, or why
    /// it took this long. Returns how long it took.
    pub(super) fn times_out(
        &mut self,
        late: impl Fn(&Case, Option<Took>) -> Option<String>,
    ) -> Verdict<Took> {
        let (exam, limit) = (self.exam, self.limit);
        let returned = self
            .answer
            .returns(&format!("by its limit, {limit:?} after the call"))
            .because(|case| late(case, None))?;
        let took = self.answer.took();
        let after = took.time;
        let seen = match &returned {
            Ok(()) => format!("it has returned Ok after {after:.2?}"),
            Err(error) => format!(
                "it has returned {:?} after {after:.2?}: {error}",
                error.kind()
            ),
        };
        let timed_out = matches!(&returned, Err(error) if error.kind() == ErrorKind::TimedOut);
        exam.must(
            timed_out && after >= limit,
            format!("`answer` to return TimedOut when {limit:?} have passed"),
            &seen,
        )
        .because(|case| match (&returned, self.before) {
            (Ok(()), _) if limit.is_zero() => Some(cause::OK_AT_ZERO.to_owned()),
            (Ok(()), Before::HalfClosed | Before::OnlyHalfClosed) => {
                cause::ends_before_all_is_sent(case)
            }
            _ => cause::no_time_out(&returned, after < limit),
        })?;
        let timing = match self.reference.take() {
            Some(reference) => reference.judges(took, MARGIN)?,
            None => Timing::InTime,
        };
        exam.must(
            timing != Timing::Late,
            format!("`answer` to return by its limit, {limit:?} after the call"),
            seen,
        )
        .because(|case| late(case, Some(took)))
        .caused_by(cause::TOO_LATE)?;
        exam.step(format!("it returned TimedOut, after {after:.1?}"));
        Ok(took)
    }

    /// Waits until it has returned, whatever it returns.
    pub(super) fn is_over(&self, when: &str) -> Verdict<Left<'e>> {
        let _ = self.answer.returns(when)?;
        Ok(Left {
            exam: self.exam,
            inode: self.inode,
            open: self.open - 1 - usize::from(self.peer.is_none()),
        })
    }

    /// The peer half-closes.
    pub(super) fn half_closes(&self) -> Verdict {
        self.peer().half_close()
    }

    /// The peer resets the connection.
    pub(super) fn resets(&mut self) {
        if let Some(peer) = self.peer.take() {
            peer.reset();
        }
    }

    /// A thread of the answer's must wait in one of these.
    pub(super) fn waits_in(&self, calls: &[SystemCall]) -> Verdict {
        let waits = || Ok(self.has_a_thread_in(calls));
        let expected = "your thread to wait in a system call that the peer ends";
        self.exam
            .must(self.exam.comes_true(waits)?, expected, "it does not")
            .diagnose(&[SLEEPS_BETWEEN_LOOKS])
            .because(|case| cause::does_not_wait(case, self.before.has_half_closed()))
    }

    /// The call must end, or a thread of the answer's must wait in one of these.
    pub(super) fn ends_or_waits_in(&self, calls: &[SystemCall]) -> Verdict {
        let waits = || Ok(self.answer.has_ended() || self.has_a_thread_in(calls));
        let expected = "`answer` to return, or your thread to wait in a system call that the peer \
                        ends";
        self.exam
            .must(self.exam.comes_true(waits)?, expected, "it does not")
            .because(cause::waits_for_acks)
    }

    fn has_a_thread_in(&self, calls: &[SystemCall]) -> bool {
        let is_in = |doing: &Doing| match doing {
            Doing::Blocked { call, .. } => calls.contains(call),
            _ => false,
        };
        self.exam.evidence().threads.iter().any(is_in)
    }

    /// Waits until the answer waits for room, unless it never does.
    pub(super) fn is_full(&self) -> Verdict {
        self.exam.waits_in(SystemCall::Write).map(drop)
    }

    /// Interrupts the system call in which the answer waits, and lets it wait again, or end. An
    /// answer that runs all the time may be right, and is interrupted as well.
    pub(super) fn is_interrupted(&self) -> Verdict {
        self.exam.comes_to_rest()?;
        self.answer.interrupt()?;
        self.exam
            .step("interrupted the system call in which your thread waited, by a signal");
        self.exam.comes_to_rest().map(drop)
    }

    /// The peer does something again and again, at most this many times, or until the call has
    /// ended. Returns the longest time in which the peer did nothing.
    pub(super) fn has_a_peer_that(
        &self,
        times: u32,
        pause: Duration,
        act: impl Fn(&TcpStream),
    ) -> Duration {
        let mut longest = pause;
        for _ in 0..times {
            if self.answer.has_ended() {
                break;
            }
            let before = Instant::now();
            act(self.peer().stream());
            thread::sleep(pause); // its length is the subject: a slow peer
            longest = longest.max(before.elapsed());
        }
        longest
    }
}

impl Left<'_> {
    /// No descriptor may lead to the socket any more. The table does not show that: a connection on
    /// which both FINs have passed has no owner there.
    pub(super) fn is_closed(&self) -> Verdict {
        let closed = self.exam.comes_true(|| Ok(handles_of(self.inode)? == 0))?;
        self.exam
            .must(
                closed,
                "the stream to be closed when `answer` returns",
                "it has returned, and a descriptor of the stream is open",
            )
            .diagnose(&[LEAVES_A_THREAD])
            .caused_by(cause::IS_OPEN)
    }

    pub(super) fn no_thread(&self) -> Verdict {
        self.exam
            .must(
                self.exam.leaves_no_thread()?,
                "no thread to be left when `answer` returns",
                "it has returned, and there is one, or more",
            )
            .diagnose(&[LEAVES_A_THREAD])
    }

    pub(super) fn no_descriptor(&self) -> Verdict {
        let none = self.exam.comes_true(|| Ok(descriptors()? <= self.open))?;
        self.exam
            .must(
                none,
                "no descriptor to be left when `answer` returns",
                "it has returned, and more descriptors are open than before",
            )
            .diagnose(&[LEAVES_A_THREAD])
            .caused_by(cause::A_DESCRIPTOR_IS_LEFT)
    }
}
