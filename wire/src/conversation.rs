//! A conversation: the segments of one connection as they passed, and the states of its two ends
//! beside them, as the kernel's table showed them.

use std::{net::SocketAddr, time::Duration};

use socket_workshop::table::{End, State, Table};

use crate::segment::{Flags, Segment, TcpOption};

/// One connection, or the attempt to make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The end that sent the first SYN.
    pub client: SocketAddr,
    /// The other end.
    pub server: SocketAddr,
    /// What passed between them, in the order in which it passed.
    pub segments: Vec<Segment>,
    /// The states in which the kernel showed the ends, in the order in which it did.
    pub states: Vec<Change>,
}

/// An end is seen in another state than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// When it was seen, on the clock of the segments: it may have changed a little earlier.
    pub at: Duration,
    /// Which end.
    pub end: SocketAddr,
    /// Its state. `None`: there is no row for it, which is CLOSED.
    pub state: Option<State>,
}

impl Conversation {
    /// The one that begins with this segment, or has begun before the capture did: then the end
    /// with the higher port is taken for the client, for servers have well-known ones.
    #[must_use]
    pub fn begun_by(segment: &Segment) -> Conversation {
        let (from, to) = (segment.from, segment.to);
        let is_answer = match segment.flags.has(Flags::SYN) {
            true => segment.flags.has(Flags::ACK),
            false => from.port() < to.port(),
        };
        let (client, server) = if is_answer { (to, from) } else { (from, to) };
        Conversation {
            client,
            server,
            segments: Vec::new(),
            states: Vec::new(),
        }
    }

    /// Whether the segment is of this conversation: it passes between these two ends, and is not a
    /// SYN with another number than its sender's first, which begins another conversation.
    #[must_use]
    pub fn goes_on_with(&self, segment: &Segment) -> bool {
        let ends = (segment.from, segment.to);
        let first = self.segments.iter().find(|sent| sent.from == segment.from);
        let begins_another =
            segment.flags == Flags::SYN && first.is_some_and(|first| first.seq != segment.seq);
        let between_these =
            ends == (self.client, self.server) || ends == (self.server, self.client);
        between_these && !begins_another
    }

    /// Takes from a snapshot of the socket table, made at this time, whether an end's state has
    /// changed. Returns whether one has.
    pub fn look(&mut self, at: Duration, table: &Table) -> bool {
        let before = self.states.len();
        for (end, peer) in [(self.client, self.server), (self.server, self.client)] {
            let state = table.find(End::between(end, peer)).map(|row| row.state);
            if self.state(end) != state {
                self.states.push(Change { at, end, state });
            }
        }
        self.states.len() > before
    }

    /// The state in which an end was seen last; `None` is CLOSED.
    #[must_use]
    pub fn state(&self, end: SocketAddr) -> Option<State> {
        let mut of_end = self.states.iter().filter(|change| change.end == end);
        of_end.next_back()?.state
    }

    /// The segment's number as Wireshark shows it: counted from the number of its sender's SYN.
    #[must_use]
    pub fn seq(&self, segment: &Segment) -> u32 {
        segment.seq.wrapping_sub(self.first(segment.from))
    }

    /// The segment's acknowledgment, counted from the number of the SYN that it acknowledges.
    #[must_use]
    pub fn ack(&self, segment: &Segment) -> u32 {
        segment.ack.wrapping_sub(self.first(segment.to))
    }

    /// The segment's window, in bytes. In a SYN it is never shifted; later if both SYNs have
    /// offered to (RFC 7323 section 2.2).
    #[must_use]
    pub fn window(&self, segment: &Segment) -> u32 {
        let shifts = [self.shift(segment.to), self.shift(segment.from)];
        let shift = match shifts {
            [Some(_), Some(own)] if !segment.flags.has(Flags::SYN) => own,
            _ => 0,
        };
        u32::from(segment.window) << shift.min(14)
    }

    /// The segment in a line, as in Wireshark's column Info: `[SYN] Seq=0 Win=65495 Len=0 MSS=65495
    /// …`.
    #[must_use]
    pub fn info(&self, segment: &Segment) -> String {
        let (numbers, options) = (self.numbers(segment), self.options(segment));
        match options.is_empty() {
            true => numbers,
            false => format!("{numbers} {options}"),
        }
    }

    /// The first part of [`Conversation::info`]: `[SYN] Seq=0 Win=65495 Len=0`.
    #[must_use]
    pub fn numbers(&self, segment: &Segment) -> String {
        let mut text = format!("[{}] Seq={}", segment.flags, self.seq(segment));
        if segment.flags.has(Flags::ACK) {
            text += &format!(" Ack={}", self.ack(segment));
        }
        text + &format!(" Win={} Len={}", self.window(segment), segment.len)
    }

    /// The second part of [`Conversation::info`]: `MSS=65495 SACK_PERM WS=1024`. Timestamps, which
    /// every segment carries if the SYNs do, are left out where there is no SYN.
    #[must_use]
    pub fn options(&self, segment: &Segment) -> String {
        let mut texts = Vec::new();
        for option in &segment.options {
            match option {
                TcpOption::Mss(bytes) => texts.push(format!("MSS={bytes}")),
                TcpOption::WindowScale(shift) => {
                    texts.push(format!("WS={}", 1_u32 << shift.min(&14)));
                }
                TcpOption::SackPermitted => texts.push("SACK_PERM".to_owned()),
                TcpOption::Sack(ranges) => {
                    texts.extend(ranges.iter().map(|range| self.sack(segment, *range)));
                }
                TcpOption::Timestamps { value, echo } if segment.flags.has(Flags::SYN) => {
                    texts.push(format!("TSval={value} TSecr={echo}"));
                }
                TcpOption::Timestamps { .. } => {}
                TcpOption::Other(kind, data) => {
                    texts.push(format!("option {kind} ({} bytes)", data.len()));
                }
            }
        }
        texts.join(" ")
    }

    /// Whether each segment begins where its sender's last one has ended and acknowledges all that
    /// has come from the other end, a SYN and a FIN counted for one (RFC 9293 section 3.4): so it
    /// is where nothing is lost, none overtakes another, and the capture saw the first SYN.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let mut next = [self.first(self.client), self.first(self.server)];
        self.segments.iter().all(|segment| {
            let [own, other] = if segment.from == self.client {
                [0, 1]
            } else {
                [1, 0]
            };
            let acknowledges = segment.ack == next[other] || !segment.flags.has(Flags::ACK);
            let right = segment.seq == next[own] && acknowledges;
            next[own] = next[own].wrapping_add(segment.sequence_length());
            right
        })
    }

    /// After how long a segment with these flags was sent again, with the same numbers and by the
    /// same end; zero if none was.
    #[must_use]
    pub fn sent_again(&self, flags: Flags) -> Duration {
        let numbers = |segment: &Segment| (segment.from, segment.seq, segment.len);
        let mut like_it = self
            .segments
            .iter()
            .filter(|segment| segment.flags == flags);
        let first = like_it.next();
        let again = first.and_then(|first| like_it.find(|other| numbers(other) == numbers(first)));
        match (first, again) {
            (Some(first), Some(again)) => again.at.saturating_sub(first.at),
            _ => Duration::ZERO,
        }
    }

    /// When this end has sent segments with these flags and no others, oldest first.
    #[must_use]
    pub fn all_sent(&self, end: SocketAddr, flags: Flags) -> Vec<Duration> {
        let like_it = |segment: &&Segment| segment.from == end && segment.flags == flags;
        let segments = self.segments.iter().filter(like_it);
        segments.map(|segment| segment.at).collect()
    }

    /// When this end has sent a segment with these flags and no others last; zero if it has sent
    /// none.
    #[must_use]
    pub fn last_sent(&self, end: SocketAddr, flags: Flags) -> Duration {
        self.all_sent(end, flags).pop().unwrap_or_default()
    }

    fn sack(&self, segment: &Segment, (left, right): (u32, u32)) -> String {
        let first = self.first(segment.to);
        let [left, right] = [left, right].map(|edge| edge.wrapping_sub(first));
        format!("SLE={left} SRE={right}")
    }

    /// The number of an end's SYN. If it was not seen, what it would have been had the first data
    /// that was seen followed it.
    fn first(&self, end: SocketAddr) -> u32 {
        let sent = self.segments.iter().find(|segment| segment.from == end);
        let acknowledged = || {
            let acks = |segment: &&Segment| segment.to == end && segment.flags.has(Flags::ACK);
            self.segments.iter().find(acks)
        };
        match sent {
            Some(segment) if segment.flags.has(Flags::SYN) => segment.seq,
            Some(segment) => segment.seq.wrapping_sub(1),
            None => acknowledged().map_or(0, |segment| segment.ack.wrapping_sub(1)),
        }
    }

    /// By how many bits an end's windows are shifted, by its SYN.
    fn shift(&self, end: SocketAddr) -> Option<u8> {
        let is_syn = |segment: &&Segment| segment.from == end && segment.flags.has(Flags::SYN);
        let syn = self.segments.iter().find(is_syn)?;
        syn.options.iter().find_map(|option| match option {
            TcpOption::WindowScale(shift) => Some(*shift),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests;
