//! What a wrong state has missed: the right state before and after the segment, and its numbers,
//! show what the segment means for it.

use socket_workshop::table::State::{self, *};
use wire::{router::Event, segment::Flags};

use super::ends::{Changed, End};
use crate::exam::{
    Case,
    diagnosis::{LOOP_DOES_NOT_END, OVERFLOWS, TAKES_A_MISSING_BYTE, first_of},
};

/// What any check may meet.
pub(super) fn diagnose(case: &Case) -> Option<String> {
    first_of(&[LOOP_DOES_NOT_END, TAKES_A_MISSING_BYTE, OVERFLOWS], case)
}

/// For a call that panicked, or has not returned.
pub(super) fn of_no_return(case: &Case, end: &End) -> Option<String> {
    if end.events.is_empty() {
        return case.panicked.then(|| {
            "Your code panics for an empty list of segments: it takes the first one without asking \
             whether it is there. Return an empty list."
                .to_owned()
        });
    }
    if OVERFLOWS.of(case).is_some() {
        let what = "Sequence numbers lie on a circle: 0 follows 4294967295 (RFC 9293, 3.4). Your \
                    code adds or subtracts as if there were an end, and panics there. Use \
                    `wrapping_add` and `wrapping_sub`.";
        return Some(what.to_owned());
    }
    diagnose(case)
}

/// For the first wrong state, which is that after segment `at`.
pub(super) fn of_a_wrong_state(end: &End, at: usize, said: State) -> String {
    let event = &end.events[at];
    let before = match at {
        0 => Close,
        at => end.events[at - 1].state,
    };
    let right = event.state;
    let flags = event.segment.flags;
    match end.changed {
        Some(Changed::Numbers) => {
            "For the same segments with other numbers your states are right. These pass 2^32, or \
             begin near it. Numbers lie on a circle, so `a > b` does not say which comes later, \
             and 0 does not come before all others. `a.wrapping_sub(b) < 1 << 31` says that a is b \
             or comes after b. And 0 is a number like any other: it cannot stand for one that is \
             not known yet."
        }
        Some(Changed::Addresses) => {
            "For the same segments between other addresses your states are right. Compare the \
             whole `from` with `local`: both ends may have the same address or the same port, and \
             it may be IPv6."
        }
        Some(Changed::Flags) => {
            "For the same segments without the other flags (PSH, URG, ECE, CWR) your states are \
             right. Those flags change no state: do not look at them. Test each of SYN, ACK, FIN \
             and RST alone, with `has`, instead of comparing all flags at once."
        }
        Some(Changed::Again(again)) if at > again => {
            "For the same segments without the one that comes again your states are right. A \
             segment that has come before changes nothing: neither the state, nor the numbers \
             that you keep. A SYN that comes again does not set the next number back, and an ACK \
             that comes again does not withdraw a later one."
        }
        _ if flags.has(Flags::RST) => {
            "A RST, with ACK or without, ends the connection at once: the end that sends it and \
             the end that receives it are CLOSED."
        }
        _ if end.sends(event) => of_sent(end, at, before, right),
        _ if before == right => of_unchanged(end, at, right, said),
        _ => of_received(end, at, before, right),
    }
    .to_owned()
}

/// Whether the same segment has been there before.
fn came_before(end: &End, at: usize) -> bool {
    let segment = &end.events[at].segment;
    segment.sequence_length() > 0
        && end.events[..at].iter().any(|event| {
            let old = &event.segment;
            (old.from, old.seq, old.flags) == (segment.from, segment.seq, segment.flags)
        })
}

/// Whether this end has sent data again after its FIN, without the FIN.
fn has_sent_data_after_its_fin(end: &End, at: usize) -> bool {
    let mut sent = end.events[..at].iter().filter(|event| end.sends(event));
    let is_fin = |event: &Event| event.segment.flags.has(Flags::FIN);
    sent.any(is_fin) && sent.any(|event| event.segment.len > 0 && !is_fin(event))
}

/// Whether this end's FIN was in a segment with data.
fn has_sent_data_with_its_fin(end: &End, at: usize) -> bool {
    let mut sent = end.events[..at].iter().filter(|event| end.sends(event));
    sent.any(|event| event.segment.flags.has(Flags::FIN) && event.segment.len > 0)
}

fn of_sent(end: &End, at: usize, before: State, right: State) -> &'static str {
    let flags = end.events[at].segment.flags;
    match (before, right) {
        _ if before == right && came_before(end, at) => {
            "This end sends the same segment again. A SYN or a FIN counts only the first time. The \
             state stays as it is."
        }
        (Close, SynSent) => {
            "An end that sends a SYN before it has received one opens the connection: SYN_SENT."
        }
        (SynRecv, SynRecv) => {
            "SYN, ACK is the answer to the SYN that this end has received. The end stays in \
             SYN_RECV until its own SYN is acknowledged."
        }
        (SynRecv, FinWait1) => {
            "This end closes before it is ESTABLISHED, and before it has received a FIN. The FIN \
             that it sends counts in SYN_RECV too: FIN_WAIT1."
        }
        (_, FinWait1) => {
            "An end that sends a FIN before it has received one closes first: FIN_WAIT1."
        }
        (_, LastAck) => {
            "The peer's FIN has arrived before (CLOSE_WAIT), so this end closes second. It waits \
             for the last ACK: LAST_ACK."
        }
        _ if flags.has(Flags::FIN) => {
            "A FIN counts once. The end stays in FIN_WAIT1 or LAST_ACK until the FIN is \
             acknowledged."
        }
        _ => {
            "A segment that an end sends without SYN, FIN or RST does not change its state. An ACK \
             answers what the end has received, and the state changed when that arrived."
        }
    }
}

fn of_received(end: &End, at: usize, before: State, right: State) -> &'static str {
    let segment = &end.events[at].segment;
    let fin = segment.flags.has(Flags::FIN);
    match (before, right) {
        (_, Established) if before == SynSent => {
            "The answer acknowledges this end's SYN and carries the peer's SYN: ESTABLISHED."
        }
        (SynSent, SynRecv) => {
            "This SYN acknowledges nothing: the peer has sent it before it received this end's \
             SYN. Both ends open at once. This end's SYN is not acknowledged yet: SYN_RECV."
        }
        (Close, SynRecv) => {
            "A SYN arrives at an end in CLOSED, so it was listening. It answers in SYN_RECV."
        }
        (SynRecv, Established) if segment.len > 0 => {
            "This segment acknowledges this end's SYN: ESTABLISHED. The ACK counts also in a \
             segment with data."
        }
        (SynRecv, Established) => {
            "This end's SYN is acknowledged: ESTABLISHED. In a simultaneous open the segment is a \
             SYN, ACK, and its ACK counts."
        }
        (SynRecv, CloseWait) => {
            "One segment does two things. It acknowledges this end's SYN (ESTABLISHED) and carries \
             the peer's FIN (CLOSE_WAIT). Apply the ACK first, then the FIN."
        }
        (Established, CloseWait) if fin && segment.len > 0 => {
            "The segment carries data and the peer's FIN. The FIN comes after its data, also if a \
             part of the data has arrived before. Nothing is missing before the FIN: CLOSE_WAIT."
        }
        (Established, CloseWait) if fin => {
            "The peer's FIN has arrived, and this end has sent none: CLOSE_WAIT until its program \
             closes."
        }
        (Established, CloseWait) => {
            "These bytes fill the gap before the FIN that has arrived early. Now the FIN counts: \
             CLOSE_WAIT. Keep every segment that arrives early until the gap before it is filled, \
             also by one of which some bytes have arrived before."
        }
        (FinWait1, FinWait2) if has_sent_data_after_its_fin(end, at) => {
            "This ACK has the number after this end's FIN: FIN_WAIT2. This end has sent data again \
             after its FIN. That data ends before the FIN, and does not change which number \
             acknowledges the FIN."
        }
        (FinWait1, FinWait2) if segment.len > 0 => {
            "This end's FIN is acknowledged, and the peer's does not count yet: FIN_WAIT2. The ACK \
             counts also in a segment with data."
        }
        (FinWait1, FinWait2) if has_sent_data_with_its_fin(end, at) => {
            "This end's FIN is acknowledged: FIN_WAIT2. The segment with the FIN has data, which \
             comes before the FIN. So the number that acknowledges the FIN is the one after that \
             data, and one more."
        }
        (FinWait1, FinWait2) => {
            "This end's FIN is acknowledged, and the peer's does not count yet: FIN_WAIT2."
        }
        (FinWait1, TimeWait) => {
            "One segment does two things. It acknowledges this end's FIN (FIN_WAIT2) and carries \
             the peer's (TIME_WAIT). Apply the ACK first, then the FIN."
        }
        (FinWait1, Closing) if !fin => {
            "These bytes fill the gap before the FIN that has arrived early. Now the FIN counts. \
             This end's FIN is not acknowledged yet: CLOSING."
        }
        (FinWait1, Closing) => {
            "The peer's FIN has arrived, and this segment does not acknowledge this end's FIN: \
             they have crossed. The end is CLOSING until that ACK arrives."
        }
        (FinWait2, TimeWait) if fin => {
            "The peer's FIN has arrived, and this end's FIN was the first: TIME_WAIT."
        }
        (FinWait2, TimeWait) => {
            "These bytes fill the gap before the FIN that has arrived early. Now the FIN counts: \
             TIME_WAIT."
        }
        (Closing, TimeWait) => {
            "This is the ACK that CLOSING waits for. Each end sent its FIN before it received the \
             other's, so both are in TIME_WAIT."
        }
        (LastAck, Close) => {
            "This is the last ACK. Both directions are closed, and this end closed second: CLOSED, \
             without TIME_WAIT."
        }
        _ => "The check is wrong: no rule leads from the one state to the other.",
    }
}

/// For a segment that was received and does not change the state.
fn of_unchanged(end: &End, at: usize, state: State, said: State) -> &'static str {
    let segment = &end.events[at].segment;
    let (fin, ack) = (segment.flags.has(Flags::FIN), segment.flags.has(Flags::ACK));
    let sent = end.numbers(at).0;
    match state {
        _ if came_before(end, at) => {
            "This segment has been received before. The same bytes, SYN or FIN count only once. The \
             state stays as it is."
        }
        FinWait1 | Closing | LastAck if ack && segment.ack != sent => {
            "This ACK acknowledges bytes before this end's FIN, but not the FIN: its number is not \
             the one after the FIN. The state stays as it is until that number arrives."
        }
        Established | FinWait1 | FinWait2 if fin => {
            "The FIN has arrived before bytes that come before it: its number is not the one that \
             is expected next. It counts when the gap is filled, and not before."
        }
        _ if said == Close => {
            "Nothing here ends the connection. An end is CLOSED after a RST, or after the last ACK."
        }
        _ => {
            "Neither the flags nor the numbers of this segment change the state. Data, and ACKs of \
             data, leave it as it is."
        }
    }
}
