//! Keeps what arrives early in a map by its number, so that 0 comes before the largest number.
//!
//! rejected by: counts past 2^32
//! cause: Numbers lie on a circle

use socket_workshop::table::State;
use std::{collections::BTreeMap, net::SocketAddr};
use wire::segment::{Flags, Segment};

/// The states of the end with this address, one after each segment that it has sent or received.
pub fn states(local: SocketAddr, segments: &[Segment]) -> Vec<State> {
    let mut end = End::new();
    segments
        .iter()
        .map(|segment| {
            if segment.from == local {
                end.sent(segment);
            } else {
                end.received(segment);
            }
            end.state
        })
        .collect()
}

struct End {
    state: State,
    /// The number of the own SYN.
    syn: Option<u32>,
    /// The number after the own FIN: what acknowledges it.
    after_fin: Option<u32>,
    /// The number of the byte that the end waits for.
    next: Option<u32>,
    /// What has arrived after that byte, in order: first number, and the number after the last.
    pieces: BTreeMap<u32, u32>,
    peer_fin: Option<u32>,
    peer_ended: bool,
}

/// Whether `a` is `b` or comes after it.
fn reaches(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) < 1 << 31
}

impl End {
    fn new() -> Self {
        Self {
            state: State::Close,
            syn: None,
            after_fin: None,
            next: None,
            pieces: BTreeMap::new(),
            peer_fin: None,
            peer_ended: false,
        }
    }

    fn sent(&mut self, segment: &Segment) {
        let flags = segment.flags;
        if flags.has(Flags::RST) {
            self.state = State::Close;
            return;
        }
        if flags.has(Flags::SYN) && self.syn.is_none() {
            self.syn = Some(segment.seq);
            if self.next.is_none() {
                self.state = State::SynSent;
            }
        }
        if flags.has(Flags::FIN) && self.after_fin.is_none() {
            self.after_fin = Some(segment.seq.wrapping_add(segment.len as u32 + 1));
            self.state = match self.state {
                State::SynRecv | State::Established => State::FinWait1,
                State::CloseWait => State::LastAck,
                state => state,
            };
        }
    }

    fn received(&mut self, segment: &Segment) {
        let flags = segment.flags;
        if flags.has(Flags::RST) {
            self.state = State::Close;
            return;
        }
        match self.state {
            State::Close => {
                let first = self.syn.is_none() && self.next.is_none();
                if first && flags.has(Flags::SYN) && !flags.has(Flags::ACK) {
                    self.next = Some(segment.seq.wrapping_add(1));
                    self.state = State::SynRecv;
                }
            }
            State::SynSent => {
                if !flags.has(Flags::SYN) {
                    return;
                }
                if !flags.has(Flags::ACK) {
                    self.state = State::SynRecv;
                } else if self.acknowledges_syn(segment.ack) {
                    self.state = State::Established;
                } else {
                    return;
                }
                self.next = Some(segment.seq.wrapping_add(1));
            }
            _ => {
                if flags.has(Flags::ACK) {
                    self.acknowledged(segment.ack);
                }
                self.arrived(segment);
            }
        }
    }

    fn acknowledges_syn(&self, ack: u32) -> bool {
        self.syn
            .is_some_and(|syn| reaches(ack, syn.wrapping_add(1)))
    }

    fn acknowledged(&mut self, ack: u32) {
        if self.state == State::SynRecv && self.acknowledges_syn(ack) {
            self.state = State::Established;
        }
        if self.after_fin.is_some_and(|after| reaches(ack, after)) {
            self.state = match self.state {
                State::FinWait1 => State::FinWait2,
                State::Closing => State::TimeWait,
                State::LastAck => State::Close,
                state => state,
            };
        }
    }

    fn arrived(&mut self, segment: &Segment) {
        let syn = u32::from(segment.flags.has(Flags::SYN));
        let first = segment.seq.wrapping_add(syn);
        let last = first.wrapping_add(segment.len as u32);
        if segment.len > 0 {
            let known = self.pieces.entry(first).or_insert(last);
            if reaches(last, *known) {
                *known = last;
            }
        }
        if segment.flags.has(Flags::FIN) {
            self.peer_fin = Some(last);
        }
        self.advance();
        if self.peer_fin.is_some() && self.peer_fin == self.next && !self.peer_ended {
            self.peer_ended = true;
            self.state = match self.state {
                State::SynRecv | State::Established => State::CloseWait,
                State::FinWait1 => State::Closing,
                State::FinWait2 => State::TimeWait,
                state => state,
            };
        }
    }

    /// Takes the pieces that are next, up to the first gap.
    fn advance(&mut self) {
        let Some(mut next) = self.next else { return };
        while let Some(piece) = self.pieces.first_entry() {
            if !reaches(next, *piece.key()) {
                break; // there is a gap before the first one
            }
            let last = piece.remove();
            if reaches(last, next) {
                next = last;
            }
        }
        self.next = Some(next);
    }
}
