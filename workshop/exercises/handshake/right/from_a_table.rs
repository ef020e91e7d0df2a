//! The diagram as a table of its arrows; the numbers as u64, from 2^32 on, in which nothing wraps.

use socket_workshop::table::State::{self, *};
use std::{collections::BTreeMap, net::SocketAddr};
use wire::segment::{Flags, Segment};

#[derive(Clone, Copy, PartialEq)]
enum Event {
    SendSyn,
    SendFin,
    HearSyn,
    AllAcknowledged,
    AllHeard,
}
use Event::*;

const ARROWS: [(State, Event, State); 13] = [
    (Close, SendSyn, SynSent),
    (Close, HearSyn, SynRecv),
    (SynSent, HearSyn, SynRecv),
    (SynRecv, AllAcknowledged, Established),
    (SynRecv, SendFin, FinWait1),
    (Established, SendFin, FinWait1),
    (Established, AllHeard, CloseWait),
    (CloseWait, SendFin, LastAck),
    (FinWait1, AllAcknowledged, FinWait2),
    (FinWait1, AllHeard, Closing),
    (FinWait2, AllHeard, TimeWait),
    (Closing, AllAcknowledged, TimeWait),
    (LastAck, AllAcknowledged, Close),
];

pub fn states(local: SocketAddr, segments: &[Segment]) -> Vec<State> {
    let mut state = Close;
    let (mut first_sent, mut first_heard) = (None, None);
    let (mut sent, mut fin) = (0, None);
    let mut heard: BTreeMap<u64, u64> = BTreeMap::new();
    let mut states = Vec::with_capacity(segments.len());
    for segment in segments {
        let own = segment.from == local;
        let mut events = Vec::new();
        let long = |first: Option<u32>, number: u32| {
            (1u64 << 32)
                .wrapping_add_signed(number.wrapping_sub(first.unwrap_or(number)) as i32 as i64)
        };
        let flags = segment.flags;
        if own {
            first_sent = first_sent.or(Some(segment.seq));
            let end = long(first_sent, segment.seq) + u64::from(segment.sequence_length());
            sent = sent.max(end);
            events.extend(flags.has(Flags::SYN).then_some(SendSyn));
            events.extend(flags.has(Flags::FIN).then_some(SendFin));
        } else {
            if flags.has(Flags::SYN) {
                first_heard = first_heard.or(Some(segment.seq));
                events.push(HearSyn);
            }
            if flags.has(Flags::ACK)
                && first_sent.is_some()
                && long(first_sent, segment.ack) == sent
            {
                events.push(AllAcknowledged);
            }
            let begin = long(first_heard, segment.seq);
            let end = begin + u64::from(segment.sequence_length());
            if flags.has(Flags::FIN) {
                fin = Some(end);
            }
            let known = heard.entry(begin).or_default();
            *known = end.max(*known);
            let mut next = 1u64 << 32;
            for (&begin, &end) in &heard {
                if begin <= next {
                    next = next.max(end);
                }
            }
            events.extend((fin == Some(next)).then_some(AllHeard));
        }
        for event in events {
            let arrow = ARROWS
                .iter()
                .find(|(from, by, _)| (*from, *by) == (state, event));
            state = arrow.map_or(state, |(_, _, to)| *to);
        }
        if flags.has(Flags::RST) {
            state = Close;
        }
        states.push(state);
    }
    states
}
