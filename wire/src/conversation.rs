//! A conversation: the segments of one connection as they passed, and the states of its two ends
//! beside them, as the kernel's table showed them.

use std::{net::SocketAddr, time::Duration};

use socket_workshop::table::State;

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
    /// The one that begins with this segment, or has begun before the capture did: then the end with the
    /// higher port is taken for the client, for servers have well-known ones.
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

    /// Whether the segment passes between these two ends.
    #[must_use]
    pub fn is_of(&self, segment: &Segment) -> bool {
        let ends = (segment.from, segment.to);
        ends == (self.client, self.server) || ends == (self.server, self.client)
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

    /// The segment's window, in bytes. In a SYN it is never shifted; later if both SYNs have offered to
    /// (RFC 7323 section 2.2).
    #[must_use]
    pub fn window(&self, segment: &Segment) -> u32 {
        let shifts = [self.shift(segment.to), self.shift(segment.from)];
        let shift = match shifts {
            [Some(_), Some(own)] if !segment.flags.has(Flags::SYN) => own,
            _ => 0,
        };
        u32::from(segment.window) << shift.min(14)
    }

    /// The segment in a line, as in Wireshark's column Info: `[SYN] Seq=0 Win=65495 Len=0 MSS=65495 …`.
    /// Timestamps, which every segment carries if the SYNs do, are left out of the others.
    #[must_use]
    pub fn info(&self, segment: &Segment) -> String {
        let mut text = format!("[{}] Seq={}", segment.flags, self.seq(segment));
        if segment.flags.has(Flags::ACK) {
            text += &format!(" Ack={}", self.ack(segment));
        }
        text += &format!(" Win={} Len={}", self.window(segment), segment.len);
        for option in &segment.options {
            text += &match option {
                TcpOption::Mss(bytes) => format!(" MSS={bytes}"),
                TcpOption::WindowScale(shift) => format!(" WS={}", 1_u32 << shift.min(&14)),
                TcpOption::SackPermitted => " SACK_PERM".to_owned(),
                TcpOption::Sack(ranges) => ranges
                    .iter()
                    .map(|range| self.sack(segment, *range))
                    .collect(),
                TcpOption::Timestamps { value, echo } if segment.flags.has(Flags::SYN) => {
                    format!(" TSval={value} TSecr={echo}")
                }
                TcpOption::Timestamps { .. } => String::new(),
                TcpOption::Other(kind, data) => format!(" option {kind} ({} bytes)", data.len()),
            };
        }
        text
    }

    fn sack(&self, segment: &Segment, (left, right): (u32, u32)) -> String {
        let first = self.first(segment.to);
        let [left, right] = [left, right].map(|edge| edge.wrapping_sub(first));
        format!(" SLE={left} SRE={right}")
    }

    /// The number of an end's SYN. If it was not seen, what it would have been had the first data that
    /// was seen followed it.
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
