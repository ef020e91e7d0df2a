//! Exercise 20: handshake, solved. The state diagram of RFC 9293, and the numbers that decide when
//! a FIN and an ACK count.

use socket_workshop::table::State::{self, *};
use std::{net::SocketAddr, process::ExitCode};
use wire::segment::{Flags, Segment};

/// The states of the end with this address, one after each segment that it has sent or received.
pub fn states(local: SocketAddr, segments: &[Segment]) -> Vec<State> {
    let mut end = End::new();
    let states = segments.iter().map(|segment| {
        match segment.from == local {
            true => end.sends(segment),
            false => end.receives(segment),
        }
        end.state
    });
    states.collect()
}

/// What an end must remember to understand a segment.
struct End {
    state: State,
    /// The number after everything that it has sent (SND.NXT). An ACK of it covers its SYN and its
    /// FIN.
    sent: u32,
    /// The number that it expects next (RCV.NXT).
    next: u32,
    /// What has arrived early, each from its first number to the one after its last.
    early: Vec<(u32, u32)>,
    /// The number after the peer's FIN, once that has arrived.
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

    /// Only the flags count. Sent again, they find a state that they do not change.
    fn sends(&mut self, segment: &Segment) {
        let end = after(segment);
        let Segment { flags, .. } = segment;
        // The SYN says where the numbers begin. What is sent again ends before `sent`.
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

    /// In the order of RFC 9293, 3.10.7: the RST, the SYN, the ACK, the FIN. A segment with two of
    /// them takes two steps.
    fn receives(&mut self, segment: &Segment) {
        let Segment { flags, .. } = segment;
        if flags.has(Flags::RST) {
            self.state = Close;
            return;
        }
        if flags.has(Flags::SYN) && matches!(self.state, Close | SynSent) {
            self.state = SynRecv; // and ESTABLISHED below, if it acknowledges this end's SYN
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

    /// Counts what has arrived without a gap.
    fn takes(&mut self, segment: &Segment) {
        let end = after(segment);
        if segment.flags.has(Flags::FIN) {
            self.fin = Some(end);
        }
        self.early.push((segment.seq, end));
        // A piece that begins in what has arrived, and ends after it, may fill the gap before
        // another one.
        let fits = |next: u32, (seq, end): (u32, u32)| reaches(next, seq) && !reaches(next, end);
        while let Some(at) = self.early.iter().position(|&piece| fits(self.next, piece)) {
            self.next = self.early.swap_remove(at).1;
        }
        self.early.retain(|&(_, end)| !reaches(self.next, end));
    }
}

/// The number after a segment's last one. A SYN and a FIN take one each.
fn after(segment: &Segment) -> u32 {
    segment.seq.wrapping_add(segment.sequence_length())
}

/// Whether a number is another one or comes after it: numbers lie on a circle (RFC 9293, 3.4).
fn reaches(number: u32, other: u32) -> bool {
    number.wrapping_sub(other) < 1 << 31
}

fn main() -> ExitCode {
    workshop::checks::handshake::SUITE.examine(states)
}
