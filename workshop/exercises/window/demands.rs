//! What the owner of an outbox demands of it, by what it says, what arrives, and what poll does.

use nix::poll::PollFlags;
use socket_workshop::table::State;

use super::{cause, owner::Owner};

use crate::exam::{Because, Unmet, Verdict};

impl Owner<'_> {
    pub(super) fn counts_what_is_queued(&self) -> Verdict {
        let most = self.taken.len() - self.arrived;
        self.exam
            .must(
                self.queued <= most,
                format!("`queued` to say {most} at most, for all else has arrived"),
                format!("it says {}", self.queued),
            )
            .caused_by(
                "`queued` counts what has been taken and is not yet the kernel's: it grows by what `write` \
                 has not taken, and shrinks by what it has.",
            )
    }

    /// The outbox must have exactly so many bytes queued.
    pub(super) fn has_queued(&self, bytes: usize, for_: &str) -> Verdict {
        self.exam
            .must(
                self.queued == bytes,
                format!("`queued` to say {bytes}, for {for_}"),
                format!("it says {}", self.queued),
            )
            .caused_by(cause::another_number(self.queued, bytes))
    }

    /// All that was taken must arrive, with no further call.
    pub(super) fn arrives_at_once(&mut self) -> Verdict {
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

    /// Waits in poll for what the outbox asks for, which must be POLLOUT.
    pub(super) fn waits(&self) -> Verdict {
        self.exam
            .must(
                self.events.contains(PollFlags::POLLOUT),
                format!(
                    "`events` to be POLLOUT, for {} bytes are queued",
                    self.queued
                ),
                "it is empty, or asks for something else",
            )
            .caused_by(
                "Bytes are queued, and the owner will not learn when the kernel has room for them: \
                 poll reports only what it was asked for.",
            )?;
        self.asks_for(PollFlags::POLLOUT, "bytes are queued")?;
        if self.becomes_ready(PollFlags::POLLOUT)? {
            return Ok(());
        }
        // By what `queued` says the peer has read all that was written: the kernels must have room.
        let rows = self.exam.table()?.rows;
        let open = rows.iter().filter(|row| row.state == State::Established);
        let left: u32 = open.map(|row| row.send_q + row.recv_q).sum();
        self.exam
            .must(
                left == 0,
                format!("all but the {} bytes queued to be read by now", self.queued),
                format!("{left} more are in the kernels' buffers: those are full"),
            )
            .caused_by(cause::WRITTEN_AND_QUEUED)?;
        Err(Unmet::not_here(
            "poll does not say POLLOUT, and nothing is in the kernels' buffers",
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

    /// As [`Self::drains`], with one call of `writable`: there must be room for all that is queued.
    pub(super) fn drains_in_one_call(&mut self) -> Verdict {
        self.arrives()?;
        self.writes_when_poll_says()?;
        self.exam
            .must(
                self.queued == 0,
                "one `writable` to write all that is queued: the kernel has room for it",
                format!("`queued` still says {}", self.queued),
            )
            .caused_by(
                "It has stopped before the kernel did: after one `write`, or one piece. Go on \
                 until the queue is empty or `write` gives WouldBlock. What is left costs the \
                 owner another round through poll.",
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
                "`writable` to write what is queued: poll has said POLLOUT",
                format!("`queued` still says {}", self.queued),
            )
            .because(cause::writes_nothing)
    }

    /// Nothing may be queued, and poll, asked for what the outbox asks for, must wait.
    pub(super) fn is_idle(&self) -> Verdict {
        self.has_queued(0, "all has been written")?;
        let ready = self.is_ready(self.events)?;
        self.exam
            .must(
                !ready,
                "poll to wait: nothing is queued, and the peer is silent",
                format!("with `events` {:?} it returns at once", self.events),
            )
            .caused_by(
                "An idle socket is writable nearly always. Poll then returns at once if it is \
                 asked for POLLOUT with nothing to write, again and again, and keeps a processor \
                 busy. Ask only while bytes are queued.",
            )?;
        self.asks_for(PollFlags::empty(), "nothing is queued")
    }

    /// Poll must be asked for this, and for nothing else.
    fn asks_for(&self, events: PollFlags, while_: &str) -> Verdict {
        self.exam
            .must(
                self.events == events,
                format!("`events` to be {events:?}, for {while_}"),
                format!("it is {:?}", self.events),
            )
            .caused_by(
                "An outbox waits for one thing, room: POLLOUT, and only while bytes are queued. To read is \
                 the owner's part, and so is to ask poll for it.",
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
