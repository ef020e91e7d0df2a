//! What the owner of an outbox expects of it: what it returns, what arrives, and what poll reports.

use nix::poll::PollFlags;
use socket_workshop::table::State;

use super::{cause, owner::Owner};

use crate::exam::{Because, CheckError, Verdict};

/// For bytes that were sent while the kernel had no room.
const NOTHING_IS_QUEUED: &str = "The kernel had no room when `send` was called, and now nothing is \
     queued. Either your code has changed the socket's buffer (SO_SNDBUF), so that there was room, \
     or it has dropped the bytes, or `queued` does not count them.";

impl Owner<'_> {
    pub(super) fn counts_what_is_queued(&self) -> Verdict {
        let most = self.taken.len() - self.arrived;
        self.exam
            .must(
                self.queued <= most,
                format!("`queued` to return at most {most}: all other bytes have arrived"),
                format!("it returns {}", self.queued),
            )
            .caused_by(
                "`queued` counts bytes that have been written already. Count what was accepted and \
                 is not written: subtract what each `write` has returned.",
            )
    }

    /// The outbox must have exactly this many bytes queued.
    pub(super) fn has_queued(&self, bytes: usize, because: &str) -> Verdict {
        self.exam
            .must(
                self.queued == bytes,
                format!("`queued` to return {bytes}: {because}"),
                format!("it returns {}", self.queued),
            )
            .caused_by(cause::another_number(self.queued, bytes))
    }

    /// All that was accepted must arrive, with no further call.
    pub(super) fn arrives_immediately(&mut self) -> Verdict {
        let queued = self.queued;
        self.arrives_to(self.taken.len())
            .because(|case| cause::only_queues(queued, case))
            .because(|case| cause::other_bytes(queued, case))?;
        self.has_queued(0, "all of it has arrived")
    }

    /// What the kernel has taken must arrive, with no further call.
    pub(super) fn arrives(&mut self) -> Verdict {
        let queued = self.queued;
        self.arrives_to(self.taken.len() - queued)
            .because(|case| cause::other_bytes(queued, case))
    }

    fn arrives_to(&mut self, end: usize) -> Verdict {
        if let Some(peer) = self.peer.as_ref().filter(|_| end > self.arrived) {
            peer.receives(&self.taken[self.arrived..end])?;
            self.arrived = end;
        }
        Ok(())
    }

    /// The outbox has bytes queued, and must ask for POLLOUT, and for nothing else.
    pub(super) fn asks_for_room(&self) -> Verdict {
        self.exam
            .must(
                self.events.contains(PollFlags::POLLOUT),
                format!("`events` to be POLLOUT: {} bytes are queued", self.queued),
                format!("it is {:?}", self.events),
            )
            .because(|_| (self.queued == 0).then(|| NOTHING_IS_QUEUED.to_owned()))
            .caused_by(
                "Bytes are queued, and `events` does not contain POLLOUT. Poll reports only what \
                 it was asked for, so the owner never learns that the kernel has room. Return \
                 POLLOUT while the queue is not empty.",
            )?;
        self.asks_for(PollFlags::POLLOUT, "bytes are queued")
    }

    /// Waits in poll for what the outbox asks for, which must be POLLOUT.
    pub(super) fn waits(&self) -> Verdict {
        self.asks_for_room()?;
        if self.becomes_ready(PollFlags::POLLOUT)? {
            return Ok(());
        }
        // By `queued` the peer has read all that was written: the kernels must have room.
        let rows = self.exam.table()?.rows;
        let open = rows.iter().filter(|row| row.state == State::Established);
        let left: u32 = open.map(|row| row.send_q + row.recv_q).sum();
        self.exam
            .must(
                left == 0,
                format!("all but the {} queued bytes to be read by now", self.queued),
                format!("{left} more are in the kernels' buffers: those are full"),
            )
            .caused_by(cause::WRITTEN_AND_QUEUED)?;
        Err(CheckError::skipped(
            "poll does not report POLLOUT, and nothing is in the kernels' buffers",
        ))
    }

    /// Plays the owner's loop until nothing is queued, and all has arrived in order.
    pub(super) fn drains(&mut self) -> Verdict {
        self.arrives()?;
        while self.queued > 0 {
            self.writes_when_poll_says()?;
            self.arrives()?;
        }
        Ok(())
    }

    /// What was to be written is written, or the kernel takes no more.
    pub(super) fn has_left_no_room(&self, function: &str) -> Verdict {
        let has_room = self.queued > 0 && self.is_ready(PollFlags::POLLOUT)?;
        self.exam
            .must(
                !has_room,
                format!("`{function}` to write until the kernel takes no more"),
                format!(
                    "{} bytes are queued, and poll reports POLLOUT: the kernel has room for them",
                    self.queued
                ),
            )
            .caused_by(cause::WRITES_A_PART)
    }

    /// As [`Self::drains`], with one call of `writable`: there must be room for all that is queued.
    pub(super) fn drains_in_one_call(&mut self) -> Verdict {
        self.arrives()?;
        self.writes_when_poll_says()?;
        self.exam
            .must(
                self.queued == 0,
                "one `writable` to write all that is queued: the kernel has room for it",
                format!("`queued` still returns {}", self.queued),
            )
            .caused_by(
                "`writable` has stopped while the kernel still had room: after one `write`, after \
                 one piece, or after a number of bytes. Whatever it leaves costs the owner another \
                 round through poll. Write until the queue is empty or `write` returns WouldBlock.",
            )?;
        self.arrives()
    }

    fn writes_when_poll_says(&mut self) -> Verdict {
        self.waits()?;
        let before = self.queued;
        self.writes()?;
        self.exam
            .must(
                self.queued < before,
                "`writable` to write what is queued: poll has reported POLLOUT",
                format!("`queued` still returns {}", self.queued),
            )
            .because(cause::writes_nothing)
    }

    /// Nothing may be queued, and poll, asked for what the outbox asks for, must wait.
    pub(super) fn is_idle(&self) -> Verdict {
        self.has_queued(0, "all bytes have been written")?;
        let ready = self.is_ready(self.events)?;
        self.exam
            .must(
                !ready,
                "poll to wait: nothing is queued, and the peer is silent",
                format!("with `events` {:?} it returns immediately", self.events),
            )
            .caused_by(
                "`events` contains POLLOUT while nothing is queued. An idle socket is nearly \
                 always writable, so poll returns immediately each time, and the owner's loop \
                 keeps a CPU busy. Ask for POLLOUT only while bytes are queued.",
            )?;
        self.asks_for(PollFlags::empty(), "nothing is queued")
    }

    /// Poll must be asked for this, and for nothing else.
    fn asks_for(&self, events: PollFlags, because: &str) -> Verdict {
        self.exam
            .must(
                self.events == events,
                format!("`events` to be {events:?}: {because}"),
                format!("it is {:?}", self.events),
            )
            .caused_by(
                "`events` asks for something that the outbox does not need. It needs room for its \
                 queue: POLLOUT, and only while bytes are queued. The owner reads, and asks for \
                 POLLIN where it wants to.",
            )
    }

    /// End of file must come, and nothing before it.
    pub(super) fn ends(&self) -> Verdict {
        match &self.peer {
            Some(peer) => peer.ends().because(cause::no_end),
            None => Ok(()),
        }
    }
}
