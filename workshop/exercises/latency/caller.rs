//! The program that calls the answer: it has one end of a connection, lends it to each call, and
//! reads the exam's replies itself. And what the kernel shows of the two ends.

use std::{
    io::{self, Write},
    net::TcpStream,
    os::fd::AsRawFd,
    sync::Arc,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::PollFlags,
    sys::socket::{MsgFlags, recv},
};
use socket_workshop::table::{End, Row, State, Timer, TimerKind};
use socket2::SockRef;

use super::Writer;

use crate::exam::{Because, CheckError, Exam, Peer, Running, Verdict, or_skip, quote};

/// Congestion control may pace segments that are not held back: for this long, and for this many
/// looks. Bytes that are held back for an ACK wait 40 ms on Linux, and for more data 200 ms.
const BURST: Duration = Duration::from_millis(10);
const LOOKS: u32 = 8;

const REPLY: &[u8] = b"OK\n";

/// The calling program.
pub(super) struct Caller<'e> {
    exam: &'e Exam,
    pub(super) stream: Arc<TcpStream>,
    pub(super) end: End,
    writer: Writer,
}

/// The request as it must arrive.
pub(super) fn request(key: &str, value: &[u8]) -> Vec<u8> {
    [format!("PUT {key} {}\n", value.len()).as_bytes(), value].concat()
}

impl<'e> Caller<'e> {
    /// A new connection: the exam's end, and the program with the other.
    pub(super) fn connect(exam: &'e Exam, writer: Writer) -> Verdict<(Peer<'e>, Caller<'e>)> {
        let (peer, stream) = exam.connection()?;
        let caller = Caller {
            exam,
            end: or_skip("read an address", End::of(&stream))?,
            stream: Arc::new(stream),
            writer,
        };
        Ok((peer, caller))
    }

    /// A new connection that the answer has prepared.
    pub(super) fn connect_prepared(
        exam: &'e Exam,
        writer: Writer,
    ) -> Verdict<(Peer<'e>, Caller<'e>)> {
        let (peer, caller) = Caller::connect(exam, writer)?;
        caller.is_prepared()?;
        Ok((peer, caller))
    }

    /// Calls `prepare`.
    pub(super) fn is_prepared(&self) -> Verdict {
        let (prepare, stream) = (self.writer.0, Arc::clone(&self.stream));
        let answer = self.exam.start("prepare", move || prepare(&stream))?;
        answer.succeeds("on a new connection")?;
        self.exam.step("called `prepare`");
        Ok(())
    }

    /// The exam resets the connection. Returns when the reset has arrived.
    pub(super) fn is_reset_by(&self, peer: Peer) -> Verdict {
        peer.reset();
        match self.exam.comes_true(|| Ok(self.row()?.is_none()))? {
            true => Ok(()),
            false => Err(CheckError::skipped("a reset does not arrive")),
        }
    }

    /// The exam has half-closed. Returns when the FIN has arrived.
    pub(super) fn is_in_close_wait(&self) -> Verdict {
        let state = || Ok(self.row()?.map(|row| row.state));
        match self
            .exam
            .comes_true(|| Ok(state()? == Some(State::CloseWait)))?
        {
            true => Ok(()),
            false => Err(CheckError::skipped("a FIN does not arrive")),
        }
    }

    /// Calls `put`.
    pub(super) fn call(&self, key: &str, value: &[u8]) -> Verdict<Running<'e, io::Result<()>>> {
        self.exam.step(format!(
            "called `put` with the key {} and the value {}",
            quote(key.as_bytes()),
            quote(value)
        ));
        self.start(vec![key.to_owned()], value)
    }

    /// Calls `put` for each of the keys, one right after the other.
    pub(super) fn call_for_each(
        &self,
        keys: Vec<String>,
        value: &[u8],
    ) -> Verdict<Running<'e, io::Result<()>>> {
        self.exam.step(format!(
            "called `put` for the keys {} with the value {}",
            keys.join(", "),
            quote(value)
        ));
        self.start(keys, value)
    }

    fn start(&self, keys: Vec<String>, value: &[u8]) -> Verdict<Running<'e, io::Result<()>>> {
        let (put, stream) = (self.writer.1, Arc::clone(&self.stream));
        let value = value.to_vec();
        let body = move || keys.iter().try_for_each(|key| put(&stream, key, &value));
        self.exam.start("put", body)
    }

    /// Calls `put`, which must return Ok; returns what must arrive.
    pub(super) fn puts(&self, key: &str, value: &[u8]) -> Verdict<Vec<u8>> {
        let answer = self.call(key, value)?;
        answer.succeeds("on an open connection")?;
        Ok(request(key, value))
    }

    /// Some talk in which each end waits for the other. After it the kernel of the exam's end
    /// delays its ACKs, because it expects answers to carry them. The answer's code has no part in
    /// it.
    pub(super) fn converses_with(&self, peer: &Peer) -> Verdict {
        for _greeting in 0..4 {
            let sent = (&*self.stream).write_all(REPLY);
            or_skip("write to a new connection", sent)?;
            if !self.reads(peer.stream())? {
                return Err(CheckError::skipped("a new connection carries no bytes"));
            }
            or_skip("write to a new connection", peer.stream().write_all(REPLY))?;
            if !self.reads(&self.stream)? {
                return Err(CheckError::skipped("a new connection carries no bytes"));
            }
        }
        self.exam
            .step("your end and the exam's have exchanged bytes, and ACKs are delayed by now");
        Ok(())
    }

    /// The exam replies to a request.
    pub(super) fn is_sent_a_reply(peer: &Peer) -> Verdict {
        peer.send(REPLY)
    }

    /// The exam replies to a request, and the program reads that.
    pub(super) fn is_answered_by(&self, peer: &Peer) -> Verdict {
        Caller::is_sent_a_reply(peer)?;
        self.reads_the_reply()
    }

    pub(super) fn reads_the_reply(&self) -> Verdict {
        let expected = format!("the caller of `put` to read {}", quote(REPLY));
        let read = self.reads(&self.stream)?;
        self.exam
            .must(read, expected, "it has not come, or the connection is over")
            .caused_by(
                "The answer is not there for the caller: `put` has read it, or has closed the \
                 connection. The answers are for the caller. `put` sends one request and does \
                 nothing else.",
            )
    }

    /// Reads a reply, by calls that do not wait: the exam waits elsewhere. False if it never comes.
    fn reads(&self, stream: &TcpStream) -> Verdict<bool> {
        let mut missing = REPLY.len();
        while missing > 0 {
            if !self.exam.becomes_ready(stream, PollFlags::POLLIN)? {
                return Ok(false);
            }
            let mut reply = [0; REPLY.len()];
            match recv(
                stream.as_raw_fd(),
                &mut reply[..missing],
                MsgFlags::MSG_DONTWAIT,
            ) {
                Ok(0) => return Ok(false),
                Ok(n) => missing -= n,
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// This end, as the kernel shows it.
    pub(super) fn row(&self) -> Verdict<Option<Row>> {
        Ok(self.exam.table_with_info()?.find(self.end).cloned())
    }

    /// Data segments that have come to the exam's end so far. One that the kernel has sent again,
    /// because the ACK was late, counts once: what was sent again is asked for last, so that no
    /// more is counted than there are.
    pub(super) fn segments(&self) -> Verdict<u32> {
        let table = self.exam.table_with_info()?;
        let came = table.find(self.end.other()).and_then(|row| row.segments_in);
        let came = came.ok_or_else(|| {
            CheckError::skipped("the kernel does not show how many segments came")
        })?;
        Ok(came.saturating_sub(self.resent()?))
    }

    /// Segments that the kernel of this end has sent again so far.
    pub(super) fn resent(&self) -> Verdict<u32> {
        let resent = self.row()?.and_then(|row| row.resent);
        resent.ok_or_else(|| CheckError::skipped("the kernel does not show what it has sent again"))
    }

    /// `put` has returned: this end, if the kernel holds back bytes of its request.
    pub(super) fn held_back(&self) -> Verdict<Option<Row>> {
        let (begun, mut looks, mut held) = (Instant::now(), 0, None);
        self.exam.until(|| {
            let row = self.row()?;
            held = row.filter(|row| row.unsent.is_some_and(|unsent| unsent > 0));
            looks += 1;
            let Some(row) = &held else {
                return Ok(Some(()));
            };
            // With nothing under way only the cork, MSG_MORE or pacing holds bytes back. The kernel
            // shows the first two, and pacing ends.
            let is_under_way = row.unsent.is_some_and(|unsent| unsent < row.send_q);
            let is_no_burst = is_under_way && looks > LOOKS && begun.elapsed() > BURST;
            Ok((self.is_kept(row) || is_no_burst).then_some(()))
        })?;
        Ok(held)
    }

    /// Whether these bytes wait for more data or for an ACK, as far as the kernel shows it.
    fn is_kept(&self, row: &Row) -> bool {
        let is_corked = SockRef::from(&*self.stream).tcp_cork().unwrap_or(false);
        let sent = row.send_q.saturating_sub(row.unsent.unwrap_or(0));
        let probe = |timer: Timer| timer.kind == TimerKind::WindowProbe;
        is_corked
            // With nothing under way, and room in the peer's window, that timer runs for MSG_MORE
            // alone.
            || sent == 0 && row.timer.is_some_and(probe)
            || sent > 0 && !self.stream.nodelay().unwrap_or(true) // Nagle's algorithm
    }

    /// `put` has returned: what the kernel has of its request must be sent.
    pub(super) fn holds_nothing_back(&self, cause: impl Fn(&Row) -> String) -> Verdict {
        match self.held_back()? {
            None => Ok(()),
            Some(row) => self.fail_holding(&row).caused_by(cause(&row)),
        }
    }

    /// Something of this end's has not been sent.
    pub(super) fn fail_holding<T>(&self, row: &Row) -> Verdict<T> {
        let (held, written) = (row.unsent.unwrap_or(0), row.send_q);
        self.exam.fail(
            "all that was written to be sent by the time `put` has returned",
            format!("of {written} bytes not acknowledged (Send-Q) {held} have not been sent"),
        )
    }
}
