//! What the numbers of a capture say of each segment: which was lost, which is sent again, and
//! which two were under way at the same time.

use crate::{
    conversation::Conversation,
    segment::{Flags, Segment},
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
    let passage = |(i, segment): (usize, &Segment)| {
        let has = |flag| segment.flags.has(flag);
        Passage {
            from_client: segment.from == conversation.client,
            seq: conversation.seq(segment),
            ack: has(Flags::ACK).then(|| conversation.ack(segment)),
            window: (!has(Flags::RST)).then(|| conversation.window(segment)),
            lost: lost[i],
            again: segments[..i].iter().any(|old| repeats(segment, old)),
            crosses_next: crossing[i],
        }
    };
    segments.iter().enumerate().map(passage).collect()
}

/// Whether a number is another one or comes after it, on the circle of sequence numbers.
fn reaches(number: u32, other: u32) -> bool {
    number.wrapping_sub(other) < 1 << 31
}

/// Whether a segment brings the first number of an older one of the same sender once more. An end
/// that has sent a SYN and answers the peer's with SYN, ACK has received something new: that is not
/// a repetition.
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

/// An end that sends something again has received no ACK for it. Either it was lost, or the ACKs
/// were that had been sent by then.
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
