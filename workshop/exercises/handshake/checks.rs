//! Checks of exercise 20: the states of an end, read from what it has sent and heard.
//!
//! The truth is what a kernel showed, once for each line of the files in `handshake/recorded`
//! (`cargo workshop pictures DIR --text` writes such files). `ends` makes of them what one end has seen,
//! and what else must have the same states: other sequence numbers, segments that come twice, resets.
//! `cause` says what a wrong state has overlooked, by the numbers of the segment at which it began.

mod cause;
mod ends;
mod variations;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use socket_workshop::table::State;
use wire::segment::Segment;

use self::ends::{End, client, server};
use super::Exercise;
use crate::exam::{Because, Exam, Rule, Stuck, Suite, Unmet, Verdict, check};

/// Exercise 20.
pub const EXERCISE: Exercise = Exercise {
    number: 20,
    name: "handshake",
    task: "the states of an end, read from what it has sent and heard",
    hints: [
        "Keep four things: the state; the number behind all that this end has sent, in which a SYN and a \
         FIN count for one; the number that it expects next; and the number of the peer's FIN, when one \
         has come. What is sent changes the state by its flags alone. What is heard does it in up to \
         three steps: a SYN, then the ACK, then the FIN.",
        "An ACK counts when it acknowledges all that this end has sent: then SYN_RECV becomes \
         ESTABLISHED, FIN_WAIT1 FIN_WAIT2, CLOSING TIME_WAIT, and LAST_ACK ends. A FIN counts when the \
         number expected next has passed it: what comes early is kept as a pair of numbers until the gap \
         is filled. `a.wrapping_sub(b) < 1 << 31` says that a is b or behind it.",
        "fn hears(&mut self, s: &Segment) { if s.flags.has(RST) { self.state = Close; return } if \
         s.flags.has(SYN) { if let Close | SynSent = self.state { self.next = s.seq.wrapping_add(1); \
         self.state = SynRecv } } if s.flags.has(ACK) && s.ack == self.sent { self.state = match \
         self.state { SynRecv => Established, FinWait1 => FinWait2, Closing => TimeWait, LastAck => \
         Close, same => same } } … if the FIN's turn has come { self.state = match self.state { \
         Established => CloseWait, FinWait1 => Closing, FinWait2 => TimeWait, same => same } } }",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 20 is held to.
pub const SUITE: Suite<States> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check("opens a connection", opens_a_connection),
            check("is not moved by data", is_not_moved_by_data),
            check("closes first, and closes second", closes_first_and_second),
            check(
                "waits for the ACK of the FIN itself",
                waits_for_the_ack_of_the_fin,
            ),
            check(
                "takes FIN and ACK from one segment",
                takes_fin_and_ack_from_one,
            ),
            check("closes from both ends at once", closes_from_both_ends),
            check("opens from both ends at once", opens_from_both_ends),
            check("closes while it opens", closes_while_it_opens),
            check("takes a FIN in its turn", takes_a_fin_in_its_turn),
            check(
                "is not moved by what comes again",
                is_not_moved_by_what_comes_again,
            ),
            check("ends at a reset", ends_at_a_reset),
            check("counts past 2^32", counts_past_the_end),
        ],
    )],
    cause: |_| None,
};

/// The student's function.
pub type States = fn(SocketAddr, &[Segment]) -> Vec<State>;

const HANDSHAKE: &str = include_str!("recorded/handshake.txt");
const CONNECTION: &str = include_str!("recorded/connection.txt");
const CLOSE: &str = include_str!("recorded/close.txt");
const SERVER_CLOSES: &str = include_str!("recorded/server-closes.txt");
const BOTH_CLOSE: &str = include_str!("recorded/simultaneous-close.txt");
const BOTH_OPEN: &str = include_str!("recorded/simultaneous-open.txt");
const FIN_WITH_ACK: &str = include_str!("recorded/fin-with-ack.txt");
const ACK_BEFORE_FIN: &str = include_str!("recorded/ack-before-fin.txt");
const FIN_BEHIND_GAP: &str = include_str!("recorded/fin-behind-gap.txt");
const FIN_IN_SYN_RECV: &str = include_str!("recorded/fin-in-syn-recv.txt");
const CLOSE_IN_SYN_RECV: &str = include_str!("recorded/close-in-syn-recv.txt");
const DATA_AGAIN: &str = include_str!("recorded/data-again.txt");
const LOST_SYN: &str = include_str!("recorded/lost-syn.txt");
const LOST_FIN: &str = include_str!("recorded/lost-fin.txt");
const RESET: &str = include_str!("recorded/reset.txt");
const REFUSED: &str = include_str!("recorded/refused.txt");

/// All that end in peace.
const ALL: [&str; 13] = [
    HANDSHAKE,
    CONNECTION,
    CLOSE,
    SERVER_CLOSES,
    BOTH_CLOSE,
    BOTH_OPEN,
    FIN_WITH_ACK,
    ACK_BEFORE_FIN,
    FIN_BEHIND_GAP,
    FIN_IN_SYN_RECV,
    CLOSE_IN_SYN_RECV,
    LOST_SYN,
    LOST_FIN,
];

fn opens_a_connection(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(HANDSHAKE))?;
    says(exam, states, &server(HANDSHAKE))
}

fn is_not_moved_by_data(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(CONNECTION).before_a_fin())?;
    says(exam, states, &server(CONNECTION).before_a_fin())
}

fn closes_first_and_second(exam: &Exam, states: States) -> Verdict {
    for of in [CLOSE, SERVER_CLOSES] {
        says(exam, states, &client(of))?;
        says(exam, states, &server(of))?;
    }
    Ok(())
}

fn waits_for_the_ack_of_the_fin(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(ACK_BEFORE_FIN))?;
    // The other way round: its FIN second, its last data not acknowledged.
    says(exam, states, &client(ACK_BEFORE_FIN).closing_second())?;
    says(exam, states, &client(ACK_BEFORE_FIN).fin_with_the_data())
}

fn takes_fin_and_ack_from_one(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(FIN_WITH_ACK))?;
    says(exam, states, &server(FIN_IN_SYN_RECV))?;
    says(exam, states, &server(ACK_BEFORE_FIN).fin_with_the_data())
}

fn closes_from_both_ends(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(BOTH_CLOSE))?;
    says(exam, states, &server(BOTH_CLOSE))
}

fn opens_from_both_ends(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(BOTH_OPEN))?;
    says(exam, states, &server(BOTH_OPEN))
}

fn closes_while_it_opens(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(CLOSE_IN_SYN_RECV))?;
    says(exam, states, &server(CLOSE_IN_SYN_RECV))
}

fn takes_a_fin_in_its_turn(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &server(FIN_BEHIND_GAP))?;
    says(exam, states, &server(FIN_BEHIND_GAP).in_other_pieces())?;
    says(exam, states, &server(SERVER_CLOSES).fin_before_the_data())
}

fn is_not_moved_by_what_comes_again(exam: &Exam, states: States) -> Verdict {
    for of in [LOST_SYN, LOST_FIN, DATA_AGAIN] {
        says(exam, states, &client(of))?;
        says(exam, states, &server(of))?;
    }
    let twice = |of| [client(of), server(of)].map(End::everything_twice);
    all_say(exam, states, ALL.into_iter().flat_map(twice).collect())?;
    let again = client(CLOSE_IN_SYN_RECV).syn_again_behind_the_fin();
    says(exam, states, &again)
}

fn ends_at_a_reset(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(REFUSED))?;
    says(exam, states, &client(RESET))?;
    says(exam, states, &server(RESET))?;
    let in_order = ALL.into_iter().filter(|&of| of != FIN_BEHIND_GAP);
    let ends = in_order.flat_map(|of| [client(of), server(of)]);
    let cut = ends.flat_map(|end| end.cut_by_resets());
    all_say(exam, states, cut.collect())
}

fn counts_past_the_end(exam: &Exam, states: States) -> Verdict {
    // Whatever is sent or heard, some shift puts it at the last number, or the first.
    let shifted = |end: End| (0..20).map(move |behind| end.with_first_numbers(behind));
    for of in ALL {
        for end in [client(of), server(of)] {
            says(exam, states, &end)?;
            all_say(exam, states, shifted(end).collect())?;
        }
    }
    Ok(())
}

/// Calls the answer for each of these on one thread, for they are many; and once more, by itself, for the
/// one with which something is wrong. Who only takes a long time for all of them is right.
fn all_say(exam: &Exam, states: States, ends: Vec<End>) -> Verdict {
    let (at, all) = (Arc::new(AtomicUsize::new(0)), ends.clone());
    let reached = Arc::clone(&at);
    exam.counts(&at);
    let answer = exam.start("states", move || {
        all.iter().enumerate().all(|(i, end)| {
            reached.store(i, Ordering::Relaxed);
            states(end.local, &end.segments()) == end.states()
        })
    })?;
    let returned = answer.returns(&format!("for {} more connections", ends.len()));
    if let Ok(true) = returned {
        return Ok(());
    }
    let count = at.load(Ordering::Relaxed);
    if let Err(Unmet::Failed(case)) = &returned
        && let Some(Stuck::Ceiling(time, _)) = &case.stuck
    {
        let why = format!("{count} calls, all right so far, take longer than {time:.0?}");
        return Err(Unmet::not_here(why));
    }
    says(exam, states, &ends[count])?;
    returned?;
    exam.fail(
        format!("the same states for {} in every call", ends[count].title),
        "they were wrong after calls with other segments, and are right in a call alone",
    )
    .caused_by(
        "The states depend on something besides the segments: on what an earlier call has left in a \
         `static` or a `thread_local!`, or on the order of a HashMap, which is another in each map.",
    )
}

/// Calls the answer with what an end has seen, and compares.
fn says(exam: &Exam, states: States, end: &End) -> Verdict {
    let (local, segments) = (end.local, end.segments());
    let answer = exam.start("states", move || states(local, &segments))?;
    let returned = answer.returns(&format!("for {}", end.title));
    let said = returned.because(|case| cause::of_no_return(case, end))?;
    let (right, said_at) = (end.states(), |i: usize| said.get(i).copied());
    let wrong = (0..right.len().max(said.len())).find(|&i| said_at(i) != right.get(i).copied());
    let Some(wrong) = wrong else {
        return Ok(());
    };
    for line in end.lines(wrong) {
        exam.step(line);
    }
    let (Some(expected), Some(seen)) = (right.get(wrong), said_at(wrong)) else {
        return exam
            .fail(
                format!("a state for each of the {} segments of {}", right.len(), end.title),
                format!("it has returned {} states", said.len()),
            )
            .caused_by("The answer has as many states as there are segments, in their order: a state after each, also after one that changes nothing.");
    };
    let number = wrong + 1;
    exam.fail(
        format!(
            "{expected} after segment {number} of {}: {}",
            end.title, end.source
        ),
        format!("it has returned {seen} there"),
    )
    .caused_by(cause::of_a_wrong_state(end, wrong, seen))
}
