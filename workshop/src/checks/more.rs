//! Whether an answer waits for more before it answers what it has read.

use std::time::Duration;

use nix::poll::PollFlags;
use socket_workshop::{
    table::End,
    threads::{Lasts, SystemCall, Thread, others},
};

use crate::exam::{Because, Call, Exam, Peer, Verdict, is_ready, or_skip};

/// How many looks in a row must find the same. What is under way between two sockets is in one of
/// their queues, but a look reads one row after the other.
const LOOKS: usize = 4;

/// The first bytes of a client are to be answered, and it has not read yet: no answer may be found
/// that has read them, has written nothing, and waits for more with a timeout. One that waits
/// without a timeout is left to the check that reads: there the wait is proven to have no end.
///
/// # Errors
/// It is found so. Threads or sockets cannot be looked at here.
pub(super) fn must_not_be_awaited(exam: &Exam, client: &Peer<'_>) -> Verdict {
    let end = or_skip("read an address", End::of(client.stream()))?;
    // The threads, if by this look they have read what was sent, and have not answered.
    let look = || {
        let mut threads = or_skip("look at threads", others())?;
        threads.retain(|thread| !thread.name.starts_with("exam"));
        let table = exam.table_with_info()?;
        let Some((client, answer)) = table.find(end).zip(table.find(end.other())) else {
            return Ok(None);
        };
        let has_read = answer.segments_in.is_some_and(|count| count > 0) && answer.recv_q == 0;
        let has_answered = answer.send_q > 0 || client.recv_q > 0;
        Ok((has_read && !has_answered).then_some(threads))
    };
    let waits = exam.until(|| {
        let Some(first) = look()? else {
            let is_answered = is_ready(client.stream(), PollFlags::POLLIN, Duration::ZERO)?;
            return Ok(is_answered.then_some(false));
        };
        for _look in 1..LOOKS {
            match look()? {
                Some(threads) if wait_for_more(&threads, &first) => {}
                _ => return Ok(None),
            }
        }
        Ok(Some(true))
    })?;
    exam.must(
        waits != Some(true),
        "what has arrived to be answered before your code waits for more",
        "your code has read it, has written nothing, and waits for more",
    )
    .caused_by(
        "Your code has read what was sent (Recv-Q is 0), and waits with a timeout for more before \
         it answers, as if to collect what comes in pieces. A client that waits for its answer \
         sends nothing more, so each answer comes late by that timeout. Answer what a read \
         returned, then read again.",
    )
}

/// None has run since an earlier look: one waits for bytes or events, with a timeout, and the
/// others for each other.
fn wait_for_more(threads: &[Thread], earlier: &[Thread]) -> bool {
    let mut pairs = threads.iter().zip(earlier);
    let stayed = threads.len() == earlier.len()
        && pairs.all(|(now, earlier)| now.has_stayed_blocked_since(earlier));
    let calls = || threads.iter().filter_map(|thread| thread.call);
    let reads = |call: &SystemCall| matches!(call.call(), Call::Read | Call::Poll);
    let is_timed = |call: &SystemCall| matches!(call.lasts(), Lasts::AtMost(_));
    stayed
        && calls().any(|call| reads(&call) && is_timed(&call))
        && calls().all(|call| reads(&call) || call.call() == Call::Lock)
}
