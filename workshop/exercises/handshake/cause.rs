//! What a wrong state has overlooked: the right state before and after the segment, and its numbers, say
//! what it had to do with it.

use socket_workshop::table::State::{self, *};
use wire::segment::Flags;

use super::ends::End;
use crate::exam::{Case, Stuck};

pub(super) fn of_no_return(case: &Case, end: &End) -> Option<String> {
    if case.panicked && end.renumbered {
        return Some(
            "For the same segments with other numbers your code does not panic: here they pass 2^32, or \
             begin near it. If it is an overflow, add them with `wrapping_add`, for they lie on a circle \
             (RFC 9293, 3.4)."
                .to_owned(),
        );
    }
    let runs = matches!(case.stuck, Some(Stuck::Spin(..))) && !case.panicked;
    runs.then(|| {
        "There is nothing to wait for: the segments are all there. A loop does not come to its end."
            .to_owned()
    })
}

/// For the first wrong state, which is that after segment `at`.
pub(super) fn of_a_wrong_state(end: &End, at: usize, said: State) -> String {
    let event = &end.events[at];
    let (before, right) = match at {
        0 => (Close, event.state),
        at => (end.events[at - 1].state, event.state),
    };
    let flags = event.segment.flags;
    if end.renumbered {
        "For the same segments with other numbers the answer is right. Here they pass 2^32, or begin near \
         it: they lie on a circle, on which `a > b` does not say which is behind the other, as \
         `a.wrapping_sub(b) < 1 << 31` does, and on which no number, 0 neither, lies before all others."
            .to_owned()
    } else if flags.has(Flags::RST) {
        "A RST ends the connection at both ends, at once and without an answer: whoever sends it is CLOSED, \
         and so is whoever hears it."
            .to_owned()
    } else if end.sends(event) {
        of_sent(end, at, before, right)
    } else if before == right {
        of_unmoved(end, at, right, said)
    } else {
        of_heard(end, at, before, right)
    }
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

fn of_sent(end: &End, at: usize, before: State, right: State) -> String {
    let flags = end.events[at].segment.flags;
    match (before, right) {
        _ if before == right && came_before(end, at) => {
            "This end sends the same segment once more, for it has heard of no ACK: its state is what it \
             was."
        }
        (Close, SynSent) => "Whoever sends a SYN without having heard one opens the connection: SYN_SENT.",
        (SynRecv, SynRecv) => {
            "SYN, ACK is this end's answer to the SYN that it has heard. It leaves SYN_RECV when its own \
             SYN is acknowledged, not before."
        }
        (_, FinWait1) => "Whoever sends a FIN before one has come closes first: FIN_WAIT1.",
        (_, LastAck) => {
            "The peer's FIN has come before (CLOSE_WAIT): this end closes second, and waits for the last \
             ACK."
        }
        _ if flags.has(Flags::FIN) => {
            "A FIN counts once: FIN_WAIT1 or LAST_ACK is where it leads, and where it stays until it is \
             acknowledged."
        }
        _ => {
            "What an end sends besides SYN, FIN and RST does not change its state: an ACK that it sends \
             answers what it has heard, and that has changed it already."
        }
    }
    .to_owned()
}

fn of_heard(end: &End, at: usize, before: State, right: State) -> String {
    let fin = end.events[at].segment.flags.has(Flags::FIN);
    match (before, right) {
        (_, Established) if before == SynSent => {
            "The answer acknowledges this end's SYN and brings the peer's: the connection is there."
        }
        (SynSent, SynRecv) => {
            "The SYN acknowledges nothing: the peer has sent it before it heard this end's. Both have opened \
             at once, and this one's SYN is not acknowledged yet: SYN_RECV."
        }
        (Close, SynRecv) => "A SYN has come to an end that had none: it listens, and answers from SYN_RECV.",
        (SynRecv, Established) => {
            "This end's SYN is acknowledged: ESTABLISHED. That it is a SYN, ACK, in a simultaneous open, \
             does not matter: its ACK counts."
        }
        (SynRecv, CloseWait) => {
            "One segment does both: it acknowledges this end's SYN (ESTABLISHED), and brings the peer's FIN \
             (CLOSE_WAIT). Look at the ACK first, then at the FIN."
        }
        (Established, CloseWait) if fin => {
            "The peer's FIN has come, and this end has sent none: CLOSE_WAIT, until its program closes."
        }
        (Established, CloseWait) => {
            "These bytes fill the gap in front of the FIN that has come before: now the FIN's turn has come."
        }
        (FinWait1, FinWait2) => {
            "This end's FIN is acknowledged, and the peer's has not come: FIN_WAIT2."
        }
        (FinWait1, TimeWait) => {
            "One segment does both: it acknowledges this end's FIN (FIN_WAIT2), and brings the peer's \
             (TIME_WAIT). Look at the ACK first, then at the FIN."
        }
        (FinWait1, Closing) => {
            "The peer's FIN has come, and the segment does not acknowledge this end's: they have crossed. \
             CLOSING, until the ACK comes."
        }
        (FinWait2, TimeWait) => "Both FINs have passed, and this end's went first: TIME_WAIT.",
        (Closing, TimeWait) => {
            "The ACK that CLOSING waits for. Both ends have closed first, so both wait: TIME_WAIT."
        }
        (LastAck, Close) => {
            "The last ACK: both directions are closed, and this end closed second. Nothing is left of it."
        }
        _ => "No rule leads from the one to the other: that is a fault of the check.",
    }
    .to_owned()
}

/// For a segment that has been heard and leaves the state as it is.
fn of_unmoved(end: &End, at: usize, state: State, said: State) -> String {
    let segment = &end.events[at].segment;
    let (fin, ack) = (segment.flags.has(Flags::FIN), segment.flags.has(Flags::ACK));
    let sent = end.numbers(at).0;
    match state {
        _ if came_before(end, at) => {
            "This segment has been heard before, and counted: it changes nothing any more."
        }
        FinWait1 | Closing | LastAck if ack && segment.ack != sent => {
            "This ACK acknowledges what stands before this end's FIN, and not the FIN: its number is not \
             the one behind the FIN. Until that comes, the FIN is on its way."
        }
        Established | FinWait1 | FinWait2 if fin => {
            "The FIN has come before the data that stands in front of it: its number is not the one that is \
             expected next. It counts when the gap is filled, for until then the stream has not ended."
        }
        _ if said == Close => "Nothing here ends the connection: CLOSED comes after a RST, or the last ACK.",
        _ => {
            "Neither flags nor numbers of this segment change anything: data, and ACKs of data, leave the \
             state as it is."
        }
    }
    .to_owned()
}
