//! Checks of exercise 20: the states of an end, from what it has sent and received.
//!
//! The right states are those that a kernel showed, once for each line of the files in
//! `handshake/recorded` (`cargo workshop pictures DIR --text` writes such files). `ends` turns them
//! into what one end has seen. `variations` makes other captures of them with known states: other
//! numbers, segments that come twice, resets. `cause` says what a wrong state has missed, by the
//! segment after which it is wrong.

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

use self::ends::{Changed, End, client, server};
use super::Exercise;
use crate::exam::{
    Because, CheckError, Exam, Rule, Stuck, Suite, Verdict, check,
    diagnosis::DEPENDS_ON_EARLIER_CALLS,
};

/// Exercise 20.
pub const EXERCISE: Exercise = Exercise {
    number: 20,
    name: "handshake",
    task: "follow the state of a connection from its segments",
    hints: [
        "Keep four things: the state; the number after everything that this end has sent, where a \
         SYN and a FIN count for one each; the number that it expects next; and the number of the \
         peer's FIN, once one has arrived. A sent segment changes the state by its flags alone. A \
         received one does it in up to three steps: the SYN, then the ACK, then the FIN.",
        "An ACK counts when it acknowledges everything that this end has sent. Then SYN_RECV \
         becomes ESTABLISHED, FIN_WAIT1 becomes FIN_WAIT2, CLOSING becomes TIME_WAIT, and LAST_ACK \
         becomes CLOSED. A FIN counts when the number expected next has passed it. Keep what \
         arrives early as a pair of numbers until the gap before it is filled. `a.wrapping_sub(b) \
         < 1 << 31` says that a is b or comes after b.",
        "fn receives(&mut self, s: &Segment) { if s.flags.has(RST) { self.state = Close; return } \
         if s.flags.has(SYN) { if let Close | SynSent = self.state { self.next = \
         s.seq.wrapping_add(1); self.state = SynRecv } } if s.flags.has(ACK) && s.ack == self.sent \
         { self.state = match self.state { SynRecv => Established, FinWait1 => FinWait2, Closing \
         => TimeWait, LastAck => Close, same => same } } … if the FIN counts now { self.state = \
         match self.state { Established => CloseWait, FinWait1 => Closing, FinWait2 => TimeWait, \
         same => same } } }",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 20 is held to.
pub const SUITE: Suite<States> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "Return one state for each segment, in their order: the state after it.",
            &[
                check(
                    "returns a state for each segment",
                    returns_a_state_for_each_segment,
                ),
                check(
                    "returns no state for no segments",
                    returns_no_state_for_no_segments,
                ),
            ],
        ),
        Rule::core(
            "The end has sent a segment if `from` equals `local`, both the address and the port. \
             It has received every other one.",
            &[
                check("compares the address", compares_the_address),
                check("compares the port", compares_the_port),
                check("compares IPv6 addresses", compares_ipv6_addresses),
            ],
        ),
        Rule::core(
            "Begin with CLOSED (`State::Close`) and follow the state diagram of RFC 9293, 3.3.2, \
             figure 5. If an end receives a SYN while you have it in CLOSED, it was listening.",
            &[
                check("follows the opening", follows_the_opening),
                check("stays in ESTABLISHED during data", stays_during_data),
                check(
                    "follows the end that closes first",
                    follows_the_end_that_closes_first,
                ),
                check(
                    "follows the end that closes second",
                    follows_the_end_that_closes_second,
                ),
            ],
        ),
        Rule::core(
            "A FIN that the end sends counts at once. It is acknowledged by the number after it, \
             and by no smaller one.",
            &[
                check("waits for the ACK of its FIN", waits_for_the_ack_of_its_fin),
                check(
                    "waits for the ACK of its FIN with data",
                    waits_for_the_ack_of_its_fin_with_data,
                ),
            ],
        ),
        Rule::core(
            "One segment may carry an ACK, data and a FIN. Apply the ACK first, then the FIN.",
            &[
                check(
                    "applies ACK and FIN of one segment",
                    applies_ack_and_fin_of_one_segment,
                ),
                check("counts an ACK with data", counts_an_ack_with_data),
                check(
                    "counts a FIN that arrives with data",
                    counts_a_fin_that_arrives_with_data,
                ),
            ],
        ),
        Rule::core(
            "A reset, sent or received, ends the connection in every state: CLOSED.",
            &[
                check("ends at a reset", ends_at_a_reset),
                check(
                    "ends at a reset in every state",
                    ends_at_a_reset_in_every_state,
                ),
            ],
        ),
        Rule::hardened(
            "Both ends may open at once, both may close at once, and an end may close before it is \
             ESTABLISHED.",
            &[
                check("follows ends that open at once", follows_opening_at_once),
                check("follows ends that close at once", follows_closing_at_once),
                check(
                    "follows an end that closes in SYN_RECV",
                    follows_closing_in_syn_recv,
                ),
            ],
        ),
        Rule::hardened(
            "A received FIN counts when all bytes before it have arrived. Segments overtake each \
             other, and lost data may come again in other pieces.",
            &[
                check(
                    "waits for the bytes before a FIN",
                    waits_for_the_bytes_before_a_fin,
                ),
                check(
                    "fills a gap with other pieces",
                    fills_a_gap_with_other_pieces,
                ),
                check("fills a wide gap", fills_a_wide_gap),
                check(
                    "counts an early FIN in every state",
                    counts_an_early_fin_in_every_state,
                ),
                check(
                    "counts a FIN with data that came before",
                    counts_a_fin_with_data_that_came_before,
                ),
            ],
        ),
        Rule::hardened(
            "A segment that is sent or received again does not change the state. No timer ends \
             TIME_WAIT here.",
            &[
                check(
                    "ignores a segment that comes again",
                    ignores_a_segment_that_comes_again,
                ),
                check(
                    "ignores every segment that comes twice",
                    ignores_every_segment_that_comes_twice,
                ),
                check(
                    "ignores every segment that comes again later",
                    ignores_every_segment_that_comes_again_later,
                ),
            ],
        ),
        Rule::hardened(
            "Sequence numbers may begin at any value, and 0 follows 4294967295.",
            &[check("counts past 2^32", counts_past_the_end)],
        ),
        Rule::hardened(
            "Flags other than SYN, ACK, FIN and RST do not change the state.",
            &[check("ignores other flags", ignores_other_flags)],
        ),
        Rule::hardened(
            "The result depends on the arguments only.",
            &[check(
                "returns the same in every call",
                returns_the_same_in_every_call,
            )],
        ),
    ],
    cause: cause::diagnose,
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

/// All without a reset.
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

fn returns_a_state_for_each_segment(exam: &Exam, states: States) -> Verdict {
    for end in [client(CONNECTION), server(CONNECTION)] {
        let said = said(exam, states, &end)?;
        has_a_state_for_each(exam, &end, &said)?;
    }
    Ok(())
}

fn returns_no_state_for_no_segments(exam: &Exam, states: States) -> Verdict {
    let mut end = client(HANDSHAKE);
    end.title = "an end without segments";
    end.events.clear();
    exam.step("called `states` with no segments");
    let said = said(exam, states, &end)?;
    has_a_state_for_each(exam, &end, &said)
}

fn compares_the_address(exam: &Exam, states: States) -> Verdict {
    let (own, peer) = ("192.0.2.1:5000", "192.0.2.2:5000");
    both_ends_at(exam, states, own, peer)
}

fn compares_the_port(exam: &Exam, states: States) -> Verdict {
    let (own, peer) = ("192.0.2.1:5000", "192.0.2.1:5001");
    both_ends_at(exam, states, own, peer)
}

fn compares_ipv6_addresses(exam: &Exam, states: States) -> Verdict {
    both_ends_at(exam, states, "[2001:db8::1]:5000", "[2001:db8::2]:5000")?;
    both_ends_at(exam, states, "[::1]:5000", "[::1]:5001")
}

/// First as it was recorded: then a wrong state is due to the addresses. States that are wrong in
/// both cases, and the same, are no matter of addresses, if the two ends have different ones.
fn both_ends_at(exam: &Exam, states: States, own: &str, peer: &str) -> Verdict {
    let addr = |text: &str| text.parse().expect("an address and a port");
    let (own, peer): (SocketAddr, SocketAddr) = (addr(own), addr(peer));
    let ends = [client(CLOSE), server(CLOSE)];
    let recorded = [said(exam, states, &ends[0])?, said(exam, states, &ends[1])?];
    let tells_them_apart = recorded[0] != recorded[1];
    for (end, recorded) in ends.iter().zip(recorded) {
        let moved = end.with_addresses(own, peer);
        if recorded != end.states() && tells_them_apart && said(exam, states, &moved)? == recorded {
            continue;
        }
        says(exam, states, end)?;
        exam.step(format!(
            "changed its address to {own}, and the peer's to {peer}"
        ));
        says(exam, states, &moved)?;
    }
    Ok(())
}

fn follows_the_opening(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(HANDSHAKE))?;
    says(exam, states, &server(HANDSHAKE))
}

fn stays_during_data(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(CONNECTION).before_a_fin())?;
    says(exam, states, &server(CONNECTION).before_a_fin())
}

fn follows_the_end_that_closes_first(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(CLOSE))?;
    says(exam, states, &server(SERVER_CLOSES))
}

fn follows_the_end_that_closes_second(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &server(CLOSE))?;
    says(exam, states, &client(SERVER_CLOSES))
}

fn waits_for_the_ack_of_its_fin(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(ACK_BEFORE_FIN))?;
    // Its FIN is the second, and its last data is not acknowledged.
    says(exam, states, &client(ACK_BEFORE_FIN).closing_second())?;
    says(
        exam,
        states,
        &client(BOTH_CLOSE).with_an_old_ack_in_closing(),
    )
}

fn waits_for_the_ack_of_its_fin_with_data(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(ACK_BEFORE_FIN).fin_with_the_data())
}

fn applies_ack_and_fin_of_one_segment(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(FIN_WITH_ACK))?;
    says(exam, states, &server(FIN_IN_SYN_RECV))
}

fn counts_an_ack_with_data(exam: &Exam, states: States) -> Verdict {
    for end in [
        server(HANDSHAKE),
        client(CLOSE),
        server(SERVER_CLOSES),
        client(ACK_BEFORE_FIN),
    ] {
        says(exam, states, &end)?;
        says(exam, states, &end.with_data_in_acks(3))?;
    }
    Ok(())
}

fn counts_a_fin_that_arrives_with_data(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &server(ACK_BEFORE_FIN).fin_with_the_data())
}

fn ends_at_a_reset(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(REFUSED))?;
    says(exam, states, &client(RESET))?;
    says(exam, states, &server(RESET))
}

fn ends_at_a_reset_in_every_state(exam: &Exam, states: States) -> Verdict {
    // After a gap the number of a reset would not be the one that is expected next.
    let in_order = ALL.into_iter().filter(|&of| of != FIN_BEHIND_GAP);
    let ends = in_order.flat_map(|of| [client(of), server(of)]);
    let cut: Vec<End> = ends.flat_map(|end| end.cut_by_resets()).collect();
    // What the states before the reset must be, other rules say.
    let last_is_wrong = |_: &End, said: &[State]| said.last() != Some(&State::Close);
    let Some(wrong) = first(exam, states, &cut, last_is_wrong)? else {
        return Ok(());
    };
    let end = &cut[wrong];
    let said = said(exam, states, end)?;
    has_a_state_for_each(exam, end, &said)?;
    match said.last() {
        Some(&State::Close) | None => depends_on_earlier_calls(exam, end),
        Some(&last) => is_wrong(exam, end, end.events.len() - 1, last),
    }
}

fn follows_opening_at_once(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(BOTH_OPEN))?;
    says(exam, states, &server(BOTH_OPEN))
}

fn follows_closing_at_once(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(BOTH_CLOSE))?;
    says(exam, states, &server(BOTH_CLOSE))
}

fn follows_closing_in_syn_recv(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &client(CLOSE_IN_SYN_RECV))?;
    says(exam, states, &server(CLOSE_IN_SYN_RECV))
}

fn waits_for_the_bytes_before_a_fin(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &server(FIN_BEHIND_GAP))?;
    says(exam, states, &server(SERVER_CLOSES).fin_before_the_data())
}

fn fills_a_gap_with_other_pieces(exam: &Exam, states: States) -> Verdict {
    // The last piece fills the gap. Before that each pair shares bytes, in the middle, or where the
    // one begins, or where the one ends.
    for pieces in [
        [(0, 2), (3, 5), (1, 4)],
        [(2, 5), (2, 3), (0, 2)],
        [(2, 3), (2, 5), (0, 2)],
        [(2, 5), (4, 5), (0, 2)],
        [(4, 5), (2, 5), (0, 2)],
        [(2, 5), (3, 4), (0, 2)],
    ] {
        says(
            exam,
            states,
            &server(FIN_BEHIND_GAP).in_other_pieces(&pieces),
        )?;
    }
    Ok(())
}

fn fills_a_wide_gap(exam: &Exam, states: States) -> Verdict {
    says(
        exam,
        states,
        &server(FIN_BEHIND_GAP).with_a_wide_gap(30, 4000),
    )
}

/// Each with the state between the FIN, which may carry an ACK, and the data before it.
fn counts_an_early_fin_in_every_state(exam: &Exam, states: States) -> Verdict {
    for (end, between) in [
        (server(CLOSE), State::Established),
        (client(CLOSE), State::FinWait2),
        (client(FIN_WITH_ACK), State::FinWait2),
        (client(BOTH_CLOSE), State::FinWait1),
        (server(BOTH_CLOSE), State::FinWait1),
        (server(FIN_IN_SYN_RECV), State::Established),
    ] {
        says(exam, states, &end.with_data_after_the_fin(5, between))?;
    }
    Ok(())
}

fn counts_a_fin_with_data_that_came_before(exam: &Exam, states: States) -> Verdict {
    says(exam, states, &server(ACK_BEFORE_FIN).fin_with_data_again())
}

fn ignores_a_segment_that_comes_again(exam: &Exam, states: States) -> Verdict {
    for of in [LOST_SYN, LOST_FIN, DATA_AGAIN] {
        says(exam, states, &client(of))?;
        says(exam, states, &server(of))?;
    }
    let again = client(CLOSE_IN_SYN_RECV).syn_again_after_the_fin();
    says(exam, states, &again)
}

fn ignores_every_segment_that_comes_twice(exam: &Exam, states: States) -> Verdict {
    let twice = |of| [client(of), server(of)].map(End::everything_twice);
    all_say(exam, states, ALL.into_iter().flat_map(twice).collect())
}

fn ignores_every_segment_that_comes_again_later(exam: &Exam, states: States) -> Verdict {
    let ends = ALL.into_iter().flat_map(|of| [client(of), server(of)]);
    let later = ends.clone().flat_map(|end| end.each_again_later());
    all_say(exam, states, ends.collect())?;
    all_say(exam, states, later.collect())
}

fn counts_past_the_end(exam: &Exam, states: States) -> Verdict {
    // For each number there is a shift that makes it the last one, or the first.
    let shifted = |end: End| (0..20).map(move |before| end.with_first_numbers(before));
    for of in ALL {
        for end in [client(of), server(of)] {
            says(exam, states, &end)?;
            all_say(exam, states, shifted(end).collect())?;
        }
    }
    // Pieces that arrive early, some of them before the largest number and some after it.
    let gap = server(FIN_BEHIND_GAP).with_a_wide_gap(6, 20_000);
    for before in [10_000, 50_000, 90_000] {
        says(exam, states, &gap.with_first_numbers(before))?;
    }
    Ok(())
}

fn ignores_other_flags(exam: &Exam, states: States) -> Verdict {
    for of in [CLOSE, SERVER_CLOSES, BOTH_OPEN, BOTH_CLOSE, RESET] {
        for end in [client(of), server(of)] {
            says(exam, states, &end)?;
            // With ECN a SYN has ECE and CWR, and a SYN, ACK has ECE (RFC 3168, 6.1.1).
            for others in [0xc0, 0x40, 0x08, 0x20, 0xe8] {
                says(exam, states, &end.with_other_flags(others))?;
            }
        }
    }
    Ok(())
}

/// Every recorded end, three times, forwards and backwards.
fn returns_the_same_in_every_call(exam: &Exam, states: States) -> Verdict {
    let once: Vec<End> = ALL
        .into_iter()
        .flat_map(|of| [client(of), server(of)])
        .collect();
    let backwards: Vec<End> = once.iter().rev().cloned().collect();
    all_say(exam, states, [&once[..], &backwards, &once].concat())
}

/// The answer must say the right states for each of these.
fn all_say(exam: &Exam, states: States, ends: Vec<End>) -> Verdict {
    let differs = |end: &End, said: &[State]| said != end.states();
    let Some(wrong) = first(exam, states, &ends, differs)? else {
        return Ok(());
    };
    says(exam, states, &ends[wrong])?;
    depends_on_earlier_calls(exam, &ends[wrong])
}

/// Calls the answer for each of these on one thread, because there are many. Returns the first for
/// which it is wrong, to be called again alone. An answer that is only slow is right.
fn first(
    exam: &Exam,
    states: States,
    ends: &[End],
    is_wrong: fn(&End, &[State]) -> bool,
) -> Verdict<Option<usize>> {
    let (at, all) = (Arc::new(AtomicUsize::new(0)), ends.to_vec());
    let reached = Arc::clone(&at);
    exam.counts(&at);
    let answer = exam.start("states", move || {
        all.iter().enumerate().all(|(i, end)| {
            reached.store(i, Ordering::Relaxed);
            !is_wrong(end, &states(end.local, &end.segments()))
        })
    })?;
    let returned = answer.returns(&format!("for {} more connections", ends.len()));
    if let Ok(true) = returned {
        return Ok(None);
    }
    let count = at.load(Ordering::Relaxed);
    if let Err(CheckError::Failed(case)) = &returned
        && let Some(Stuck::Ceiling(time, _)) = &case.stuck
    {
        let why = format!("{count} calls, all right so far, take longer than {time:.0?}");
        return Err(CheckError::skipped(why));
    }
    // An answer that keeps something of an earlier call now keeps something else.
    let (local, first) = (ends[count].local, ends[count].segments()[..1].to_vec());
    let another = exam.start("states", move || states(local, &first))?;
    another.returns("for the first segment alone").ok();
    if returned.is_err() {
        says(exam, states, &ends[count])?;
    }
    returned.map(|_| Some(count))
}

/// Called alone it was right.
fn depends_on_earlier_calls(exam: &Exam, end: &End) -> Verdict {
    exam.fail(
        format!("the same states for {} in every call", end.title),
        "they were wrong after calls with other segments, and it has returned the right ones in a \
         call alone",
    )
    .diagnose(&[DEPENDS_ON_EARLIER_CALLS])
}

/// What the answer returns for what an end has seen.
fn said(exam: &Exam, states: States, end: &End) -> Verdict<Vec<State>> {
    let (local, segments) = (end.local, end.segments());
    let answer = exam.start("states", move || states(local, &segments))?;
    let returned = answer.returns(&format!("for {}", end.title));
    returned.because(|case| cause::of_no_return(case, end))
}

fn has_a_state_for_each(exam: &Exam, end: &End, said: &[State]) -> Verdict {
    let count = end.events.len();
    exam.must(
        said.len() == count,
        format!("a state for each of the {count} segments of {}", end.title),
        format!("it has returned {} states", said.len()),
    )
    .caused_by(
        "Return as many states as there are segments, in their order: one after each segment, also \
         after one that changes nothing.",
    )
}

/// Calls the answer with what an end has seen, and compares.
fn says(exam: &Exam, states: States, end: &End) -> Verdict {
    let said = said(exam, states, end)?;
    let right = end.states();
    let mut pairs = right.iter().zip(&said);
    let Some(wrong) = pairs.position(|(right, said)| right != said) else {
        return has_a_state_for_each(exam, end, &said);
    };
    let mut end = end.clone();
    if end.changed.is_none() && other_flags_matter(exam, states, &end) {
        end.changed = Some(Changed::Flags);
    }
    is_wrong(exam, &end, wrong, said[wrong])
}

/// Whether the answer, which is wrong for this end, is right for it without the flags that change
/// nothing, and then wrong again with them.
fn other_flags_matter(exam: &Exam, states: States, end: &End) -> bool {
    let Some(without) = end.without_other_flags() else {
        return false;
    };
    let is_right = |with: &End| said(exam, states, with).is_ok_and(|said| said == end.states());
    is_right(&without) && !is_right(end)
}

/// The state after this segment is wrong: the answer has returned another.
fn is_wrong(exam: &Exam, end: &End, wrong: usize, seen: State) -> Verdict {
    for line in end.lines(wrong) {
        exam.step(line);
    }
    let (expected, number) = (end.events[wrong].state, wrong + 1);
    exam.fail(
        format!(
            "{expected} after segment {number} of {} ({})",
            end.title, end.source
        ),
        format!("it has returned {seen} there"),
    )
    .caused_by(cause::of_a_wrong_state(end, wrong, seen))
}
