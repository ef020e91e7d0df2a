//! A capture that lists what any program's segments are, until Ctrl-C.

use std::{collections::BTreeSet, io, os::fd::AsFd};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use socket_workshop::{say, stop::Stop, table::State};

use super::{Capture, now};
use crate::conversation::Conversation;

/// How many segments are listed before another look at the table, and at Ctrl-C.
const BATCH: usize = 100;

/// A segment passes here before its receiver takes it: its state may change a moment later.
const SETTLED: u8 = 20; // ms

/// For how many conversations the numbers and states are remembered.
const CONVERSATIONS: usize = 1000;

impl Capture {
    /// Lists the segments as they pass, and below them each end's state when that has changed.
    /// Returns when Ctrl-C is pressed, with the diagrams drawn that were asked for.
    ///
    /// # Errors
    /// The output is closed, or a file cannot be written.
    pub fn follow(mut self) -> io::Result<()> {
        let stop = Stop::on_ctrl_c()?;
        let (mut segments, mut conversations) = (0_u64, 0_u64);
        let mut moving = BTreeSet::new(); // conversations whose states may still change
        say!("capturing on loopback; Ctrl-C ends it")?;
        loop {
            let is_stopped = stop.requested();
            let ready = |fd| PollFd::new(fd, PollFlags::POLLIN);
            let limit = match moving.is_empty() {
                _ if is_stopped => PollTimeout::ZERO, // what has passed before is still shown
                true => PollTimeout::NONE,
                false => SETTLED.into(),
            };
            let ready = poll(
                &mut [ready(self.packets.as_fd()), ready(stop.as_fd())],
                limit,
            );
            let nothing_came = match ready {
                Err(Errno::EINTR) => continue,
                ready => ready? == 0,
            };
            let mut came = 0;
            while let Some((of, segment)) = self.take()? {
                came += 1;
                segments += 1;
                let conversation = &self.conversations[of];
                conversations += u64::from(moving.insert(of) && conversation.segments.len() == 1);
                let (from, to) = (segment.from.port(), segment.to.port());
                let (at, info) = (segment.at.as_secs_f64(), conversation.info(&segment));
                say!("{at:>9.6}  {from:>5} → {to:<5}  {info}")?;
                if came == BATCH {
                    break;
                }
            }
            self.look(&moving)?;
            if is_stopped && came < BATCH {
                break;
            }
            if nothing_came || self.conversations.len() > 2 * CONVERSATIONS {
                moving.clear();
                self.forget();
            }
        }
        for line in self.draw()?.lines() {
            say!("{line}")?;
        }
        match self.packets.dropped() {
            0 => say!("{segments} segments, conversations: {conversations}"),
            n => {
                say!("{segments} segments, conversations: {conversations}; too fast, and lost: {n}")
            }
        }
    }

    /// Asks the kernel for the states of these conversations' ends, and says those that have
    /// changed.
    fn look(&mut self, moving: &BTreeSet<usize>) -> io::Result<()> {
        let Some(kernel) = &mut self.kernel else {
            return Ok(());
        };
        let table = kernel.table()?;
        let at = now()?.saturating_sub(self.began.unwrap_or_default());
        for &of in moving {
            let conversation = &mut self.conversations[of];
            if conversation.look(at, &table) {
                say!("           {}", states(conversation))?;
            }
        }
        Ok(())
    }

    /// Only the newest are needed: a capture that runs for days does not run out of memory.
    fn forget(&mut self) {
        let old = self.conversations.len().saturating_sub(CONVERSATIONS);
        self.conversations.drain(..old);
    }
}

/// `40112 FIN_WAIT2, 8330 CLOSE_WAIT`.
fn states(conversation: &Conversation) -> String {
    let state = |end: std::net::SocketAddr| {
        let state = conversation.state(end).map_or("CLOSED", State::name);
        format!("{} {state}", end.port())
    };
    format!(
        "{}, {}",
        state(conversation.client),
        state(conversation.server)
    )
}
