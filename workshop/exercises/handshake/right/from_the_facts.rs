//! Has no state: of each beginning of the list it asks what has passed, and in which order.

use socket_workshop::table::State::{self, *};
use std::net::SocketAddr;
use wire::segment::{Flags, Segment};

pub fn states(local: SocketAddr, segments: &[Segment]) -> Vec<State> {
    let after = |n| state(local, &segments[..n]);
    (1..=segments.len()).map(after).collect()
}

fn state(local: SocketAddr, so_far: &[Segment]) -> State {
    let own = |s: &Segment| s.from == local;
    let is = |s: &Segment, flag| s.flags.has(flag);
    if so_far.iter().any(|s| is(s, Flags::RST)) {
        return Close;
    }
    let mine = so_far.iter().position(|s| own(s) && is(s, Flags::SYN));
    let theirs = so_far.iter().position(|s| !own(s) && is(s, Flags::SYN));
    let syn_acknowledged = mine.is_some_and(|at| acknowledged(local, so_far, &so_far[at]));
    let closes = so_far.iter().any(|s| own(s) && is(s, Flags::FIN));
    match (mine, theirs) {
        (_, Some(_)) if syn_acknowledged || closes => {}
        (None, None) => return Close,
        (Some(_), None) => return SynSent,
        (_, Some(_)) => return SynRecv,
    }
    let mine = so_far.iter().position(|s| own(s) && is(s, Flags::FIN));
    let theirs = (1..=so_far.len()).find(|&n| all_has_come(local, &so_far[..n]));
    let done = mine.is_some_and(|at| acknowledged(local, so_far, &so_far[at]));
    match (mine, theirs) {
        (None, None) => Established,
        (None, Some(_)) => CloseWait,
        (Some(_), None) if done => FinWait2,
        (Some(_), None) => FinWait1,
        (Some(sent), Some(came)) if sent < came => match done {
            true => TimeWait,
            false => Closing,
        },
        (Some(_), Some(_)) => match done {
            true => Close,
            false => LastAck,
        },
    }
}

fn acknowledged(local: SocketAddr, so_far: &[Segment], sent: &Segment) -> bool {
    let end = sent.seq.wrapping_add(sent.sequence_length());
    let acks = |s: &Segment| {
        s.from != local && s.flags.has(Flags::ACK) && (s.ack.wrapping_sub(end) as i32) >= 0
    };
    so_far.iter().any(acks)
}

/// Whether the peer's FIN has come, and all that lies between it and the SYN.
fn all_has_come(local: SocketAddr, so_far: &[Segment]) -> bool {
    let heard = || so_far.iter().filter(|s| s.from != local);
    let Some(syn) = heard().find(|s| s.flags.has(Flags::SYN)) else {
        return false;
    };
    let Some(fin) = heard().find(|s| s.flags.has(Flags::FIN)) else {
        return false;
    };
    let all = fin.seq.wrapping_add(fin.len as u32).wrapping_sub(syn.seq);
    (0..=all).all(|offset| {
        let number = syn.seq.wrapping_add(offset);
        heard().any(|s| number.wrapping_sub(s.seq) < s.sequence_length())
    })
}
