//! Counts a FIN in FIN_WAIT1 only when it arrives, and not when a gap is filled.
//!
//! rejected by: counts an early FIN in every state
//! cause: fill the gap before the FIN

use socket_workshop::table::State::{self, *};
use std::net::SocketAddr;
use wire::segment::{Flags, Segment};

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

struct End {
    state: State,
    sent: u32,
    next: u32,
    early: Vec<(u32, u32)>,
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

    fn sends(&mut self, segment: &Segment) {
        let end = after(segment);
        let Segment { flags, .. } = segment;
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

    fn receives(&mut self, segment: &Segment) {
        let Segment { flags, .. } = segment;
        if flags.has(Flags::RST) {
            self.state = Close;
            return;
        }
        if flags.has(Flags::SYN) && matches!(self.state, Close | SynSent) {
            self.state = SynRecv;
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
                FinWait1 if flags.has(Flags::FIN) => Closing,
                FinWait2 => TimeWait,
                same => same,
            };
        }
    }

    fn takes(&mut self, segment: &Segment) {
        let end = after(segment);
        if segment.flags.has(Flags::FIN) {
            self.fin = Some(end);
        }
        self.early.push((segment.seq, end));
        let fits = |next: u32, (seq, end): (u32, u32)| reaches(next, seq) && !reaches(next, end);
        while let Some(at) = self.early.iter().position(|&piece| fits(self.next, piece)) {
            self.next = self.early.swap_remove(at).1;
        }
        self.early.retain(|&(_, end)| !reaches(self.next, end));
    }
}

fn after(segment: &Segment) -> u32 {
    segment.seq.wrapping_add(segment.sequence_length())
}

fn reaches(number: u32, other: u32) -> bool {
    number.wrapping_sub(other) < 1 << 31
}
