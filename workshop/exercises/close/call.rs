//! A call of the answer: a connection with little room in it, and what its peer must get.

use std::{
    fs,
    io::{self, ErrorKind},
    net::TcpStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use nix::sys::stat::fstat;
use socket_workshop::table::{End, Row, State, Table};
use socket2::SockRef;

use super::{Function, cause};

use crate::exam::{
    AMPLE, Answer, Because, Call as SystemCall, Case, Exam, Peer, Reference, Timing, Took, Unmet,
    Verdict, here, numbered,
};

/// How late a call may be at its limit, not counting the time in which it had no CPU.
const MARGIN: Duration = Duration::from_millis(250);

/// The peer's receive buffer, in bytes; the kernel doubles it (socket(7), SO_RCVBUF). Much smaller, and
/// what is left of the window that it had at first would be less than a segment: the sender would wait
/// for its timer each time.
const PEERS: usize = 64 << 10;

/// The answer at work.
pub(super) struct Call<'e> {
    exam: &'e Exam,
    pub(super) peer: Peer<'e>,
    pub(super) answer: Answer<'e, io::Result<()>>,
    bytes: Vec<u8>,
    limit: Duration,
    /// A wait of the exam's own beside the answer, where time is the subject.
    reference: Option<Reference>,
    yours: End,
    /// Of the socket that the answer has got.
    inode: u64,
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
}

/// What the peer has done before the call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    Asked,
    /// Asked, and closed its sending half.
    HalfClosed,
}

impl<'e> Call<'e> {
    pub(super) fn begin(
        exam: &'e Exam,
        function: Function,
        limit: Duration,
        (size, before): (Size, Before),
    ) -> Verdict<Call<'e>> {
        let (peer, stream) = exam.connection()?;
        let (room, len) = match size {
            Size::Huge => (16 << 10, 1 << 20),
            Size::Large => (16 << 10, 224 << 10),
            Size::Fits => (192 << 10, 256 << 10),
            Size::Short => (16 << 10, 64),
        };
        let room = SockRef::from(&stream).set_send_buffer_size(room);
        here("set SO_SNDBUF", room)?;
        let room = SockRef::from(peer.stream()).set_recv_buffer_size(PEERS);
        here("set SO_RCVBUF", room)?;
        let yours = here("read an address", End::of(&stream))?;
        let inode = here("look at a socket", fstat(&stream).map_err(io::Error::from))?.st_ino;
        if before != Before::Nothing {
            peer.send(b"a question")?;
        }
        if before == Before::HalfClosed {
            peer.half_close()?;
        }
        let there = |row: &Row| match before {
            Before::Nothing => true,
            Before::Asked => row.recv_q == 10,
            Before::HalfClosed => row.state == State::CloseWait,
        };
        let look = |table: &Table| table.find(yours).filter(|row| there(row)).map(drop);
        if exam.table_shows(look)?.is_none() {
            return Err(Unmet::not_here("what was sent does not stand in Recv-Q"));
        }
        let bytes = numbered(len);
        exam.step(format!(
            "called `answer` with {len} bytes and a limit of {limit:?}"
        ));
        let own = bytes.clone();
        let reference = (limit < AMPLE).then(|| exam.reference(limit));
        let reference = reference.transpose()?;
        let answer = exam.start("answer", move || function(stream, &own, limit))?;
        Ok(Call {
            exam,
            peer,
            answer,
            bytes,
            limit,
            reference,
            yours,
            inode,
        })
    }

    /// How many bytes there are to send.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The peer must get all of the answer, and the end of file behind it.
    pub(super) fn arrives(&self) -> Verdict {
        self.peer
            .receives(&self.bytes)
            .and_then(|()| self.peer.ends())
            .because(|case| cause::does_not_arrive(case, self.yours))
    }

    /// The peer goes on: the answer must take what it says from the socket.
    pub(super) fn hears(&self, words: &[u8]) -> Verdict {
        let why = |case: &Case| cause::does_not_hear(case, self.yours);
        self.peer.send(words).because(why)?;
        let heard = |table: &Table| {
            let (yours, peers) = (table.find(self.yours), table.find(self.yours.other()));
            match yours.zip(peers) {
                None => Some(false), // reset
                Some((yours, peers)) => (yours.recv_q == 0 && peers.send_q == 0).then_some(true),
            }
        };
        let heard = self.exam.table_shows(heard)?;
        let seen = match heard {
            Some(true) => return Ok(()),
            Some(false) => "the connection has been reset: neither end is left".to_owned(),
            None => "it is not read".to_owned(),
        };
        let expected = "what the peer says to be read, for it has not closed";
        self.exam.fail(expected, seen).because(why)
    }

    /// The call must not have returned: the peer has not closed.
    pub(super) fn goes_on(&self) -> Verdict {
        self.answer
            .goes_on("the peer has not closed")
            .because(cause::ends_too_soon)
    }

    /// The peer resets the connection: that is what the call must return, and no time-out.
    pub(super) fn tells_a_reset(self, when: &str) -> Verdict {
        self.exam.comes_to_rest()?;
        let had_returned = self.answer.has_ended();
        self.peer.reset();
        let error = self
            .answer
            .fails(&format!("after a reset {when}"))
            .because(|case| match had_returned {
                true => cause::ends_too_soon(case),
                false => cause::loses_a_reset(case),
            })?;
        let kind = error.kind();
        self.exam
            .must(
                matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
                "the error to be ConnectionReset or BrokenPipe",
                format!("it has returned {kind:?}: {error}"),
            )
            .caused_by(
                "A read or a write that meets a reset says so. The caller must be able to tell it from a \
                 peer that is too slow: return the kernel's error as it is.",
            )
    }

    /// The call must return Ok, for the peer has closed, and have closed.
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
        self.has_closed()
    }

    /// The call must end by its limit, and not before it, and have closed. `late` says why it has not
    /// ended, or why it took this long. Returns how long it took.
    pub(super) fn times_out(
        self,
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
        .because(|_| cause::no_time_out(&returned, after < limit))?;
        self.has_closed()?;
        let timing = match self.reference {
            Some(reference) => reference.judges(took, MARGIN)?,
            None => Timing::InTime,
        };
        exam.must(
            timing != Timing::Late,
            format!("`answer` to return by its limit, {limit:?} after the call"),
            seen,
        )
        .because(|case| late(case, Some(took)))?;
        exam.step(format!("it returned TimedOut, after {after:.1?}"));
        Ok(took)
    }

    /// No descriptor may lead to the socket any more. Not its row tells: a connection on which both FINs
    /// have passed has none that is anybody's.
    fn has_closed(&self) -> Verdict {
        let socket = format!("socket:[{}]", self.inode);
        let open = here("look at descriptors", fs::read_dir("/proc/self/fd"))?
            .flatten()
            .find(|entry| fs::read_link(entry.path()).is_ok_and(|to| to == Path::new(&socket)));
        let Some(open) = open else { return Ok(()) };
        let fd = open.file_name().to_string_lossy().into_owned();
        let seen = format!("`answer` has returned, and descriptor {fd} is open");
        let expected = "the descriptor to be closed when `answer` returns";
        self.exam.fail(expected, seen).because(cause::is_open)
    }

    /// Waits until the answer waits for room, unless it never does.
    pub(super) fn is_full(&self) -> Verdict {
        self.exam.waits_in(SystemCall::Write).map(drop)
    }

    /// Interrupts the system call in which the answer waits, and lets it wait again, or end. An answer
    /// that runs all the time may be right, and is interrupted as well.
    pub(super) fn interrupts(&self) -> Verdict {
        self.exam.comes_to_rest()?;
        self.answer.interrupt()?;
        self.exam
            .step("interrupted the system call in which your thread waited, by a signal");
        self.exam.comes_to_rest().map(drop)
    }

    /// The peer does something again and again, so many times or until the call has ended. Returns the
    /// longest time in which the peer did nothing.
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
            act(self.peer.stream());
            thread::sleep(pause); // its length is the subject: a slow peer
            longest = longest.max(before.elapsed());
        }
        longest
    }
}
