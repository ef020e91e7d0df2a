//! Conversations made by hand.

use std::{net::SocketAddr, time::Duration};

use socket_workshop::table::State::{self, *};

use crate::{
    conversation::{Change, Conversation},
    segment::{Flags, Segment, TcpOption},
};

pub(super) const CLIENT: ([u8; 4], u16) = ([127, 0, 0, 1], 40112);
pub(super) const SERVER: ([u8; 4], u16) = ([127, 0, 0, 1], 8330);

pub(super) const SYN: Flags = Flags::SYN;
pub(super) const ACK: Flags = Flags::ACK;
pub(super) const SYN_ACK: Flags = Flags(Flags::SYN.0 | Flags::ACK.0);
pub(super) const FIN_ACK: Flags = Flags(Flags::FIN.0 | Flags::ACK.0);
pub(super) const PSH_ACK: Flags = Flags(Flags::PSH.0 | Flags::ACK.0);

/// Segments by who sends them, `>` the client and `<` the server; their numbers, which wrap soon;
/// and the states in which the ends are seen after them.
pub(super) type Line = (char, Flags, u32, u32, usize, &'static [(char, State)]);

pub(super) fn conversation(lines: &[Line]) -> Conversation {
    let (client, server) = (SocketAddr::from(CLIENT), SocketAddr::from(SERVER));
    let (mut segments, mut states) = (Vec::new(), Vec::new());
    for (i, &(who, flags, seq, ack, len, seen)) in lines.iter().enumerate() {
        let (from, to, own, peer) = match who {
            '>' => (client, server, u32::MAX, 7000),
            _ => (server, client, 7000, u32::MAX),
        };
        let scale = vec![TcpOption::WindowScale(7)];
        segments.push(Segment {
            at: Duration::from_micros(100 * i as u64),
            from,
            to,
            flags,
            seq: seq.wrapping_add(own),
            ack: ack.wrapping_add(peer),
            window: 512,
            options: if flags.has(SYN) { scale } else { Vec::new() },
            len,
        });
        states.extend(seen.iter().map(|&(who, state)| Change {
            at: Duration::from_micros(100 * i as u64 + 50),
            end: if who == '>' { client } else { server },
            state: (state != Close).then_some(state),
        }));
    }
    Conversation {
        client,
        server,
        segments,
        states,
    }
}

pub(super) fn a_whole_one() -> Conversation {
    conversation(&[
        ('>', SYN, 0, 0, 0, &[('<', Listen), ('>', SynSent)]),
        ('<', SYN_ACK, 0, 1, 0, &[('<', SynRecv)]),
        ('>', ACK, 1, 1, 0, &[('>', Established), ('<', Established)]),
        ('>', PSH_ACK, 1, 1, 11, &[]),
        ('<', ACK, 1, 12, 0, &[]),
        ('<', PSH_ACK, 1, 12, 5, &[]),
        ('<', PSH_ACK, 1, 12, 5, &[]),
        ('>', ACK, 12, 6, 0, &[]),
        ('>', FIN_ACK, 12, 6, 0, &[('>', FinWait1), ('<', CloseWait)]),
        ('<', ACK, 6, 13, 0, &[('>', FinWait2)]),
        ('<', FIN_ACK, 6, 13, 0, &[('<', LastAck)]),
        ('>', ACK, 13, 7, 0, &[('>', TimeWait), ('<', Close)]),
    ])
}

pub(super) fn both_close() -> Conversation {
    conversation(&[
        ('>', SYN, 0, 0, 0, &[('>', SynSent)]),
        ('<', SYN_ACK, 0, 1, 0, &[('<', SynRecv)]),
        ('>', ACK, 1, 1, 0, &[('>', Established), ('<', Established)]),
        ('>', FIN_ACK, 1, 1, 0, &[('>', FinWait1)]),
        ('<', FIN_ACK, 1, 1, 0, &[('<', FinWait1)]),
        ('<', ACK, 2, 2, 0, &[('<', Closing)]),
        (
            '>',
            ACK,
            2,
            2,
            0,
            &[('>', Closing), ('>', TimeWait), ('<', TimeWait)],
        ),
    ])
}

pub(super) fn closed_window() -> Conversation {
    let mut full = a_whole_one();
    full.segments[4].window = 0;
    full
}

/// Between addresses that are as long as they can be.
pub(super) fn far_away() -> Conversation {
    let mut far = both_close();
    let long = |port| {
        SocketAddr::from((
            [
                0x2001_u16, 0xdb80, 0x1111, 0x2222, 0x3333, 0x4444, 0x5555, 0x6666,
            ],
            port,
        ))
    };
    let client = far.client;
    let moved = |addr| long(if addr == client { 40_112 } else { 18_330 });
    for segment in &mut far.segments {
        (segment.from, segment.to) = (moved(segment.from), moved(segment.to));
    }
    for change in &mut far.states {
        change.end = moved(change.end);
    }
    (far.client, far.server) = (moved(far.client), moved(far.server));
    far
}

pub(super) fn all() -> [Conversation; 5] {
    let none = conversation(&[]);
    [
        a_whole_one(),
        both_close(),
        closed_window(),
        far_away(),
        none,
    ]
}
