//! Keeps each number that has come in a set, checks resets by their numbers, and takes its time.

use socket_workshop::table::State::{self, *};
use std::{collections::HashSet, net::SocketAddr, thread, time::Duration};
use wire::segment::{Flags, Segment};

pub fn states(local: SocketAddr, segments: &[Segment]) -> Vec<State> {
    thread::sleep(Duration::from_micros(300));
    let mut states = vec![Close];
    let mut heard = HashSet::new();
    let (mut next, mut sent, mut fin) = (None::<u32>, None::<u32>, None);
    for segment in segments {
        let has = |flag| segment.flags.has(flag);
        let state = *states.last().unwrap();
        let end = segment.seq.wrapping_add(segment.sequence_length());
        if segment.from == local {
            sent = match sent {
                Some(sent) if (end.wrapping_sub(sent) as i32) < 0 => Some(sent),
                _ => Some(end),
            };
            states.push(if has(Flags::RST) {
                Close
            } else if has(Flags::SYN) && state == Close {
                SynSent
            } else if !has(Flags::FIN) {
                state
            } else if state == CloseWait {
                LastAck
            } else if state == Established || state == SynRecv {
                FinWait1
            } else {
                state
            });
            continue;
        }
        if has(Flags::RST) {
            let acceptable = match next {
                Some(next) => segment.seq == next,
                None => has(Flags::ACK) && Some(segment.ack) == sent,
            };
            states.push(if acceptable { Close } else { state });
            continue;
        }
        for offset in 0..segment.sequence_length() {
            heard.insert(segment.seq.wrapping_add(offset));
        }
        if has(Flags::SYN) && next.is_none() {
            next = Some(segment.seq);
        }
        let mut state = state;
        if has(Flags::SYN) && (state == Close || state == SynSent) {
            state = SynRecv;
        }
        if has(Flags::FIN) {
            fin = Some(end);
        }
        while let Some(number) = next.filter(|number| heard.contains(number)) {
            next = Some(number.wrapping_add(1));
        }
        let acknowledged = has(Flags::ACK) && Some(segment.ack) == sent;
        let ended = fin.is_some() && fin == next;
        if state == SynRecv && acknowledged {
            state = Established;
        }
        states.push(match (state, acknowledged, ended) {
            (Established, _, true) => CloseWait,
            (FinWait1, true, true) => TimeWait,
            (FinWait1, true, false) => FinWait2,
            (FinWait1, false, true) => Closing,
            (FinWait2, _, true) => TimeWait,
            (Closing, true, _) => TimeWait,
            (LastAck, true, _) => Close,
            _ => state,
        });
    }
    states.split_off(1)
}
