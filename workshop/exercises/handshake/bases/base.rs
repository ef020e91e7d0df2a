//! The solution's code, frozen: the edits of `mistakes.diff` are made to it.

use socket_workshop::table::State::{self, *};
use std::net::SocketAddr;
use wire::segment::{Flags, Segment};

/// The states of the end with this address, one after each segment that it has sent or heard.
pub fn states(local: SocketAddr, segments: &[Segment]) -> Vec<State> {
    let mut end = End::new();
    let after = segments.iter().map(|segment| {
        match segment.from == local {
            true => end.sends(segment),
            false => end.gets(segment),
        }
        end.state
    });
    after.collect()
}

/// What an end must remember to understand a segment.
struct End {
    state: State,
    /// The number behind all that it has sent (SND.NXT): an ACK of it covers its SYN, its FIN.
    sent: u32,
    /// The number that it expects next (RCV.NXT).
    next: u32,
    /// What has come too early, each from its first number to the one behind its last.
    early: Vec<(u32, u32)>,
    /// The number behind the peer's FIN, since it has come.
    fin: Option<u32>,
}

impl End {
    fn new() -> End {
        End {
            state: Close,
            sent: 0,
            next: 0,
            early: Vec::new(),
            fin: None,
        }
    }

    /// The flags alone count. Sent again, they find a state that they do not change.
    fn sends(&mut self, segment: &Segment) {
        let end = behind(segment);
        let Segment { flags, .. } = segment;
        // The SYN says where the numbers begin. Data that is sent again does not move `sent` back.
        let begins = flags.has(Flags::SYN) && matches!(self.state, Close | SynRecv);
        if begins || reaches(end, self.sent) {
            self.sent = end;
        }
        self.state = match self.state {
            _ if flags.has(Flags::RST) => Close,
            Close if flags.has(Flags::SYN) => SynSent,
            SynRecv | Established if flags.has(Flags::FIN) => FinWait1,
            CloseWait if flags.has(Flags::FIN) => LastAck,
            same => same,
        };
    }

    /// In the order of RFC 9293, 3.10.7: the RST, the SYN, the ACK, the FIN. So a segment that brings two
    /// of them takes two steps.
    fn gets(&mut self, segment: &Segment) {
        let Segment { flags, .. } = segment;
        if flags.has(Flags::RST) {
            self.state = Close;
            return;
        }
        if flags.has(Flags::SYN) && matches!(self.state, Close | SynSent) {
            self.state = SynRecv; // and on, at once, if it acknowledges this end's
            self.next = segment.seq;
        }
        if flags.has(Flags::ACK) && segment.ack == self.sent {
            self.state = match self.state {
                SynRecv => Established,
                FinWait1 => FinWait2,
                Closing => TimeWait,
                LastAck => Close,
                same => same,
            };
        }
        self.takes(segment);
        if self.fin == Some(self.next) {
            self.state = match self.state {
                Established => CloseWait,
                FinWait1 => Closing,
                FinWait2 => TimeWait,
                same => same,
            };
        }
    }

    /// Counts what has come without a gap.
    fn takes(&mut self, segment: &Segment) {
        let end = behind(segment);
        if segment.flags.has(Flags::FIN) {
            self.fin = Some(end);
        }
        self.early.push((segment.seq, end));
        // Each piece that begins where all is known, and ends behind it, may make another one's turn come.
        let fits = |next: u32, (seq, end): (u32, u32)| reaches(next, seq) && !reaches(next, end);
        while let Some(at) = self.early.iter().position(|&piece| fits(self.next, piece)) {
            self.next = self.early.swap_remove(at).1;
        }
        self.early.retain(|&(_, end)| !reaches(self.next, end));
    }
}

/// The number behind a segment's last one. A SYN and a FIN take one each.
fn behind(segment: &Segment) -> u32 {
    segment.seq.wrapping_add(segment.sequence_length())
}

/// Whether a number is another or lies behind it: numbers lie on a circle (RFC 9293, 3.4).
fn reaches(number: u32, other: u32) -> bool {
    number.wrapping_sub(other) < 1 << 31
}
