//! What the numbers of a capture say of each segment: which was lost, which is sent again, and which
//! two were under way at the same time.

use crate::{
    conversation::Conversation,
    segment::{Flags, Segment, TcpOption},
};

/// A segment, and how it passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Passage {
    /// Whether the client sent it.
    pub(super) from_client: bool,
    /// Its sequence number, relative to its sender's SYN.
    pub(super) seq: u32,
    /// Its acknowledgment number, relative to the peer's SYN, if it has one.
    pub(super) ack: Option<u32>,
    /// Its window in bytes, scaled, if it means something.
    pub(super) window: Option<u32>,
    /// Its sender sends it again, or a part of it: it had not been heard, or its ACK had not.
    pub(super) lost: bool,
    /// Its first number has been sent before.
    pub(super) again: bool,
    /// It and the next were under way at the same time.
    pub(super) crosses_next: bool,
}

/// All segments of a conversation.
pub(super) fn passages(conversation: &Conversation) -> Vec<Passage> {
    let segments = &conversation.segments;
    let lost = lost(segments);
    let crossing = crossing(segments, &lost);
    let base = |from_client: bool| base(conversation, from_client);
    let (client, server) = (base(true), base(false));
    let shifts = scales(segments);
    let passage = |(i, segment): (usize, &Segment)| {
        let from_client = segment.from == conversation.client;
        let (own, peer) = if from_client {
            (client, server)
        } else {
            (server, client)
        };
        let reset = segment.flags.has(Flags::RST);
        let scale = match shifts {
            // A SYN's own window is never scaled (RFC 7323 section 2.2).
            Some(shifts) if !segment.flags.has(Flags::SYN) => shifts[usize::from(!from_client)],
            _ => 0,
        };
        Passage {
            from_client,
            seq: segment.seq.wrapping_sub(own),
            ack: (segment.flags.has(Flags::ACK)).then(|| segment.ack.wrapping_sub(peer)),
            window: (!reset).then(|| u32::from(segment.window) << scale),
            lost: lost[i],
            again: segments[..i].iter().any(|old| repeats(segment, old)),
            crosses_next: crossing[i],
        }
    };
    segments.iter().enumerate().map(passage).collect()
}

/// The number that is shown as 0: an end's SYN. Where the capture has none, its first byte is 1.
fn base(conversation: &Conversation, of_client: bool) -> u32 {
    let own = |segment: &&Segment| (segment.from == conversation.client) == of_client;
    let mut segments = conversation.segments.iter().filter(own);
    let syn = segments.clone().find(|one| one.flags.has(Flags::SYN));
    match syn {
        Some(syn) => syn.seq,
        None => segments.next().map_or(0, |one| one.seq.wrapping_sub(1)),
    }
}

/// By how many bits each end's windows are shifted, the client's first, if both asked for it.
fn scales(segments: &[Segment]) -> Option<[u8; 2]> {
    let scale = |acknowledges: bool| {
        let syn = segments.iter().find(|segment| {
            segment.flags.has(Flags::SYN) && segment.flags.has(Flags::ACK) == acknowledges
        })?;
        syn.options.iter().find_map(|option| match option {
            TcpOption::WindowScale(shift) => Some((*shift).min(14)),
            _ => None,
        })
    };
    Some([scale(false)?, scale(true)?])
}

/// Whether a number lies at or behind another, on the circle of sequence numbers.
fn reaches(number: u32, other: u32) -> bool {
    number.wrapping_sub(other) < 1 << 31
}

/// Whether a segment brings the first number of an older one of the same sender once more. Who has sent
/// a SYN and answers the peer's with SYN, ACK has heard something new: that is no repetition.
fn repeats(new: &Segment, old: &Segment) -> bool {
    let offset = old.seq.wrapping_sub(new.seq);
    let answers = old.flags.has(Flags::SYN) && new.flags != old.flags;
    let same = new.from == old.from && !answers;
    same && old.sequence_length() > 0 && offset < new.sequence_length()
}

fn acknowledges(answer: &Segment, segment: &Segment) -> bool {
    let end = segment.seq.wrapping_add(segment.sequence_length());
    answer.from == segment.to && answer.flags.has(Flags::ACK) && reaches(answer.ack, end)
}

/// Whoever sends something again has heard of no ACK for it: it is lost, or the ACKs are that had
/// passed by then.
fn lost(segments: &[Segment]) -> Vec<bool> {
    let mut lost = vec![false; segments.len()];
    for (i, segment) in segments.iter().enumerate() {
        let again = |new: &Segment| repeats(new, segment);
        let Some(second) = segments[i + 1..].iter().position(again) else {
            continue;
        };
        let between = i + 1..i + 1 + second;
        let answers = between.filter(|&at| acknowledges(&segments[at], segment));
        let answers: Vec<usize> = answers.collect();
        if answers.is_empty() {
            lost[i] = true;
        }
        for at in answers {
            lost[at] = true;
        }
    }
    lost
}

/// Two segments that each was sent before the other came.
fn crossing(segments: &[Segment], lost: &[bool]) -> Vec<bool> {
    let mut crossing = vec![false; segments.len()];
    let mut i = 1;
    while i < segments.len() {
        let (first, second) = (&segments[i - 1], &segments[i]);
        // The answers to two that crossed: each was sent when one of them came.
        let answers = i >= 3
            && crossing[i - 3]
            && !lost[i - 3]
            && !lost[i - 2]
            && first.from != second.from
            && [first, second].into_iter().all(|answer| {
                let (one, other) = (&segments[i - 3], &segments[i - 2]);
                acknowledges(answer, one) || acknowledges(answer, other)
            });
        if answers || was_not_heard(first, second) {
            crossing[i - 1] = true;
            i += 1; // it crosses one, not two
        }
        i += 1;
    }
    crossing
}

/// Whether the sender of the second still waits for exactly what the first brings.
fn was_not_heard(first: &Segment, second: &Segment) -> bool {
    let opposite = first.from == second.to;
    let both_syn = [first, second]
        .iter()
        .all(|one| one.flags.has(Flags::SYN) && !one.flags.has(Flags::ACK));
    let waits = second.flags.has(Flags::ACK)
        && !second.flags.has(Flags::RST)
        && first.sequence_length() > 0
        && second.ack == first.seq;
    opposite && (both_syn || waits)
}
