//! Captures that are made of recorded ones, and the states that the rules of TCP give them.

use std::net::SocketAddr;

use socket_workshop::table::State;
use wire::{
    router::Event,
    segment::{Flags, Segment},
};

use super::ends::{Changed, End};

impl End {
    /// Only what comes before the first FIN.
    pub(super) fn before_a_fin(mut self) -> End {
        let fin = |event: &Event| event.segment.flags.has(Flags::FIN);
        let at = self
            .events
            .iter()
            .position(fin)
            .unwrap_or(self.events.len());
        self.events.truncate(at);
        self
    }

    /// The peer's FIN has come before this end sends its own: LAST_ACK instead of FIN_WAIT1. For
    /// the end that has sent data and its FIN before either was acknowledged.
    pub(super) fn closing_second(mut self) -> End {
        self.source = "RFC 9293, 3.10.7.4: LAST_ACK ends with the ACK of the FIN";
        let is_fin = |event: &Event| event.segment.flags.has(Flags::FIN);
        let own = self
            .events
            .iter()
            .position(|event| is_fin(event) && self.sends(event));
        let own = own.expect("the end closes");
        let mut fin = self.events[own - 2].clone();
        let last_ack = self.events[own].clone();
        // The peer's FIN stands where it has sent nothing yet.
        fin.segment = Segment {
            from: last_ack.segment.to,
            to: last_ack.segment.from,
            seq: last_ack.segment.ack,
            ack: self.events[own - 1].segment.seq,
            flags: last_ack.segment.flags,
            ..fin.segment
        };
        fin.state = State::CloseWait;
        let mut events: Vec<Event> = self.events[..own - 1].to_vec();
        events.push(fin);
        for event in &self.events[own - 1..] {
            let mut event = event.clone();
            if self.sends(&event) {
                event.segment.ack = event.segment.ack.wrapping_add(1);
            } else {
                event.segment.seq = event.segment.seq.wrapping_add(1);
            }
            event.state = match event.state {
                State::Established => State::CloseWait,
                State::FinWait1 => State::LastAck,
                _ => State::Close,
            };
            let closed = event.state == State::Close;
            events.push(event);
            if closed {
                break;
            }
        }
        self.events = events;
        self
    }

    /// The 5 bytes before a FIN that has come already, as their sender may send them again (RFC
    /// 9293, 3.8.1): in other pieces, each from its first byte to the one after its last.
    pub(super) fn in_other_pieces(mut self, pieces: &[(usize, usize)]) -> End {
        self.source = "RFC 9293, 3.10.7.4: a FIN counts when all bytes before it have arrived";
        let brings = |event: &Event| event.segment.len == 5;
        let at = self.events.iter().position(brings).expect("there is data");
        let whole = self.events[at].clone();
        let last = pieces.len() - 1;
        let pieces = pieces.iter().enumerate().map(|(number, &(from, to))| {
            let mut piece = whole.clone();
            piece.segment.seq = whole.segment.seq.wrapping_add(from as u32);
            piece.segment.len = to - from;
            if number < last {
                piece.state = State::Established;
            }
            piece
        });
        self.events.splice(at..=at, pieces);
        self
    }

    /// The data before a FIN that has arrived already comes in this many pieces of this length, the
    /// last one first.
    pub(super) fn with_a_wide_gap(mut self, count: usize, length: usize) -> End {
        self.source = "RFC 9293, 3.10.7.4: a FIN counts when all bytes before it have arrived";
        let brings = |event: &Event| event.segment.len > 0;
        let at = self.events.iter().position(brings).expect("there is data");
        let whole = self.events[at].clone();
        let begin = whole.segment.seq;
        let more = (count * length - whole.segment.len) as u32;
        for event in &mut self.events {
            let sent = event.segment.from == self.local;
            let number = match sent {
                true => &mut event.segment.ack,
                false => &mut event.segment.seq,
            };
            // All numbers after the data begins move.
            if number.wrapping_sub(begin).wrapping_sub(1) < 1 << 30 {
                *number = number.wrapping_add(more);
            }
        }
        let pieces = (0..count).rev().map(|index| {
            let mut piece = whole.clone();
            piece.segment.seq = begin.wrapping_add((index * length) as u32);
            piece.segment.len = length;
            if index > 0 {
                piece.state = self.events[at - 1].state;
            }
            piece
        });
        let pieces: Vec<Event> = pieces.collect();
        self.events.splice(at..=at, pieces);
        self
    }

    /// An ACK that the peer has sent before its FIN arrives after it.
    pub(super) fn with_an_old_ack_in_closing(mut self) -> End {
        self.source = "RFC 9293, 3.10.7.4: CLOSING ends with the ACK of the FIN";
        let closing = |event: &Event| event.state == State::Closing;
        let at = self.events.iter().position(closing).expect("it is closing");
        let mut old = self.events[at].clone();
        old.segment.flags = Flags::ACK;
        self.events.insert(at + 1, old);
        self
    }

    /// Data before the peer's FIN arrives after it. Between the two the end is in this state.
    pub(super) fn with_data_after_the_fin(mut self, len: usize, between: State) -> End {
        self.source = "RFC 9293, 3.10.7.4: a FIN counts when all bytes before it have arrived";
        let is_the_peers_fin =
            |event: &Event| !self.sends(event) && event.segment.flags.has(Flags::FIN);
        let at = self.events.iter().position(is_the_peers_fin);
        let at = at.expect("the peer closes");
        let mut data = self.events[at].clone();
        data.segment.flags = Flags::PSH | Flags::ACK;
        data.segment.len = len;
        self.events[at].state = between;
        let own = self.local;
        for event in &mut self.events[at..] {
            let number = match event.segment.from == own {
                true => &mut event.segment.ack,
                false => &mut event.segment.seq,
            };
            *number = number.wrapping_add(len as u32);
        }
        self.events.insert(at + 1, data);
        self
    }

    /// Each ACK of the peer's before its FIN carries data.
    pub(super) fn with_data_in_acks(&self, len: usize) -> End {
        let mut end = self.clone();
        end.source = "RFC 9293, 3.10.7.4: an ACK counts, with data or without";
        let (mut more, mut has_closed) = (0_u32, false);
        for event in &mut end.events {
            let segment = &mut event.segment;
            if segment.from == self.local {
                segment.ack = segment.ack.wrapping_add(more);
                continue;
            }
            segment.seq = segment.seq.wrapping_add(more);
            has_closed |= segment.flags.has(Flags::FIN);
            if segment.sequence_length() == 0 && !has_closed {
                segment.len = len;
                more += len as u32;
            }
        }
        end
    }

    /// The FIN comes in a segment with the data that has arrived before it: its sender has sent
    /// both again.
    pub(super) fn fin_with_data_again(mut self) -> End {
        self.source = "RFC 9293, 3.10.7.4: bytes that have arrived already are ignored";
        let (data, fin) = self.data_and_fin();
        let bytes = self.events[data].segment.clone();
        let both = &mut self.events[fin].segment;
        (both.seq, both.len) = (bytes.seq, bytes.len);
        both.flags = both.flags | bytes.flags;
        self
    }

    /// The same with these flags, none of which is SYN, ACK, FIN or RST, in every segment.
    pub(super) fn with_other_flags(&self, others: u8) -> End {
        let mut end = self.clone();
        end.source = "a kernel showed it for the same segments without these flags";
        end.changed = Some(Changed::Flags);
        for event in &mut end.events {
            event.segment.flags = event.segment.flags | Flags(others);
        }
        end
    }

    /// The same without these flags, or `None` if there are none.
    pub(super) fn without_other_flags(&self) -> Option<End> {
        let mut end = self.clone();
        let counted = Flags::SYN | Flags::ACK | Flags::FIN | Flags::RST;
        for event in &mut end.events {
            event.segment.flags = Flags(event.segment.flags.0 & counted.0);
        }
        (end.segments() != self.segments()).then_some(end)
    }

    /// The same between other addresses.
    pub(super) fn with_addresses(&self, own: SocketAddr, peer: SocketAddr) -> End {
        let mut end = self.clone();
        end.source = "a kernel showed it for the same segments between other addresses";
        end.changed = Some(Changed::Addresses);
        end.local = own;
        for event in &mut end.events {
            let (from, to) = match event.segment.from == self.local {
                true => (own, peer),
                false => (peer, own),
            };
            (event.segment.from, event.segment.to) = (from, to);
        }
        end
    }

    /// Which events are the last data, and the FIN after it.
    fn data_and_fin(&self) -> (usize, usize) {
        let is_fin = |event: &Event| event.segment.flags.has(Flags::FIN);
        let brings = |event: &Event| event.segment.len > 0;
        let data = self.events.iter().rposition(brings).expect("there is data");
        let after = self.events[data..].iter().position(is_fin);
        (data, data + after.expect("there is a FIN after it"))
    }

    /// Data and FIN in one segment. The segments between them are left out.
    pub(super) fn fin_with_the_data(mut self) -> End {
        self.source = "RFC 9293, 3.10.7.4: a segment may carry data and a FIN";
        let (data, fin) = self.data_and_fin();
        let bytes = self.events[data].segment.clone();
        let both = &mut self.events[fin].segment;
        (both.seq, both.len) = (bytes.seq, bytes.len);
        both.flags = Flags(both.flags.0 | bytes.flags.0);
        self.events.drain(data..fin);
        self
    }

    /// The FIN is received first, and changes nothing until the data has arrived.
    pub(super) fn fin_before_the_data(mut self) -> End {
        self.source = "RFC 9293, 3.10.7.4: a FIN counts when all bytes before it have arrived";
        let (data, fin) = self.data_and_fin();
        let (before, after) = (self.events[data].state, self.events[fin].state);
        self.events.swap(data, fin);
        (self.events[data].state, self.events[fin].state) = (before, after);
        let expected = self.events[fin].segment.seq;
        for event in &mut self.events[data + 1..fin] {
            event.segment.ack = expected; // what this end acknowledges between them
        }
        self
    }

    /// Its SYN is sent again after its FIN: a timer has expired.
    pub(super) fn syn_again_after_the_fin(mut self) -> End {
        self.source = "RFC 9293, 3.10.7.4: a segment that is sent again changes nothing";
        let own = |flag: Flags| {
            let has = |event: &Event| self.sends(event) && event.segment.flags.has(flag);
            self.events
                .iter()
                .rposition(has)
                .expect("the end has sent it")
        };
        let (syn, fin) = (own(Flags::SYN), own(Flags::FIN));
        let mut again = self.events[syn].clone();
        again.state = self.events[fin].state;
        self.events.insert(fin + 1, again);
        self
    }

    /// Everything is sent twice and received twice.
    pub(super) fn everything_twice(mut self) -> End {
        self.source = "a kernel showed it for the same connection, with nothing repeated";
        let events = std::mem::take(&mut self.events);
        for event in events {
            self.events.push(event.clone());
            // In CLOSED a SYN would begin another connection.
            if event.state != State::Close {
                self.events.push(event);
            }
        }
        self
    }

    /// Each of its segments is sent or received again, once in each state that comes later. It may
    /// have been delayed, and a timer may expire before the ACK has arrived.
    pub(super) fn each_again_later(&self) -> Vec<End> {
        let mut ends = Vec::new();
        for (i, event) in self.events.iter().enumerate() {
            for at in i + 1..self.events.len() {
                let state = self.events[at].state;
                // In CLOSED a SYN would begin another connection.
                if state == State::Close && event.segment.flags.has(Flags::SYN) {
                    continue;
                }
                let mut end = self.clone();
                end.source = "RFC 9293, 3.10.7: a segment that comes again changes nothing";
                end.changed = Some(Changed::Again(at + 1));
                let again = Event {
                    state,
                    ..event.clone()
                };
                end.events.insert(at + 1, again);
                ends.push(end);
            }
        }
        ends
    }

    /// In each of its states, a reset is received, and one is sent, with ACK and without. Not for
    /// an end that has received something after a gap: a reset is valid if it has the number that
    /// is expected next (RFC 9293, 3.10.7.4).
    pub(super) fn cut_by_resets(&self) -> Vec<End> {
        let mut ends = Vec::new();
        for (i, event) in self.events.iter().enumerate() {
            if event.state == State::Close {
                continue;
            }
            let both = [Flags::RST, Flags::RST | Flags::ACK];
            for (sent, flags) in [true, false]
                .into_iter()
                .flat_map(|sent| both.map(|f| (sent, f)))
            {
                // A SYN is refused by a reset that acknowledges it (RFC 9293, 3.10.7.3).
                if !sent && event.state == State::SynSent && flags == Flags::RST {
                    continue;
                }
                let mut end = self.clone();
                end.source = "RFC 9293, 3.5.3: a reset ends the connection in every state";
                end.events.truncate(i + 1);
                let mut reset = event.clone();
                let (own, next) = self.numbers(i);
                let peer = if self.sends(event) {
                    event.segment.to
                } else {
                    event.segment.from
                };
                let (from, to, seq, ack) = match sent {
                    true => (self.local, peer, own, next),
                    false => (peer, self.local, next, own),
                };
                reset.segment = Segment {
                    from,
                    to,
                    seq,
                    ack,
                    flags,
                    len: 0,
                    ..reset.segment
                };
                reset.state = State::Close;
                end.events.push(reset);
                ends.push(end);
            }
        }
        ends
    }

    /// Other numbers: both ends begin this far before 2^32.
    pub(super) fn with_first_numbers(&self, before: u32) -> End {
        let mut end = self.clone();
        end.source = "a kernel showed it for the same segments with other numbers";
        end.changed = Some(Changed::Numbers);
        let first = |sent: bool| {
            let mut own = self.events.iter().filter(|event| self.sends(event) == sent);
            own.next().map_or(0, |event| event.segment.seq)
        };
        let shift = |sent: bool| u32::MAX.wrapping_sub(before).wrapping_sub(first(sent));
        let (own, peer) = (shift(true), shift(false));
        for event in &mut end.events {
            let sent = event.segment.from == end.local;
            let (mine, other) = if sent { (own, peer) } else { (peer, own) };
            event.segment.seq = event.segment.seq.wrapping_add(mine);
            if event.segment.flags.has(Flags::ACK) {
                event.segment.ack = event.segment.ack.wrapping_add(other);
            }
        }
        end
    }
}
