//! Why a dial has not ended that was to end, by where its thread is and what the kernel shows of it.

use std::time::Duration;

use socket_workshop::table::State;

use super::cause::READABLE;

use crate::exam::{Call, Case, Stuck};

/// It has not returned, although the address answers.
pub(super) fn never_connects(case: &Case) -> Option<String> {
    let waits = case.is_in(State::Established) && case.is_blocked_in(&[Call::Poll]);
    let for_ever = matches!(case.stuck, Some(Stuck::Hang(_)));
    (waits && for_ever).then(|| {
        format!(
            "The dial has come through (ESTABLISHED), and your thread waits in poll. {READABLE}"
        )
    })
}

/// It has not returned, although the dial has failed.
pub(super) fn never_ends(case: &Case) -> Option<String> {
    let cause = if case.panicked || case.stuck.is_none() || case.yours().is_some() {
        return None;
    } else if case.is_running() || case.is_blocked_in(&[Call::Sleep]) {
        "The dial has failed (no row is left of it), and your thread goes on: by dialing again, or by \
         looking for a connection that will never be. poll says `writable` of a dial that has failed, \
         too, and SO_ERROR (`take_error`) says why: return that."
    } else if case.is_blocked_in(&[Call::Lock]) {
        "The dial has failed, and your thread waits for another thread to bring a connection: let that \
         one bring the error, too."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// It has not returned, and the limit is over.
pub(super) fn overdue(case: &Case, limit: Duration) -> Option<String> {
    let cause = if case.panicked || case.stuck.is_none() {
        return None;
    } else if case.is_blocked_in(&[Call::Connect]) {
        BLOCKING
    } else if case.is_running() {
        "Your thread runs, and waits for nothing: it does not look at the clock, or does not stop when \
         the limit is over."
    } else if limit.is_zero() {
        "A limit of zero is over at once, and your thread waits: zero was taken for none at all."
    } else if case.is_blocked_in(&[Call::Poll]) {
        return Some(format!(
            "Your thread waits in poll for longer than the limit of {limit:?}. poll counts in \
             milliseconds, and `PollTimeout::NONE` is no limit at all."
        ));
    } else {
        "It waits (`kernel` says in what), and that wait must end by the deadline too."
    };
    Some(cause.to_owned())
}

const BLOCKING: &str = "Your thread is blocked in `connect`: the socket was still a blocking one when it was \
     called. It waits for the answer to the SYN, which the kernel sends again for about two minutes, \
     and hears of nothing else. `set_nonblocking(true)` comes before it.";

/// It returned, later than its limit and the margin.
pub(super) fn late(took: Duration, limit: Duration) -> String {
    format!(
        "It waited longer than its limit of {limit:?}. Compute what remains of the limit before each wait, \
         and wait no longer than that: it returned after {took:.1?}."
    )
}

/// It returned too late, and signals went on coming for this long.
pub(super) fn begins_anew(took: Duration, signals: Duration, limit: Duration) -> String {
    if took < signals + limit / 2 {
        return late(took, limit);
    }
    format!(
        "It returned {limit:?} after the last signal: poll ended with EINTR at each of them, and was given \
         the whole limit anew. A deadline is one point in time: note when the call began, and compute what \
         remains before each poll."
    )
}

/// It is cancelled, and does not return.
pub(super) fn deaf_to_cancel(case: &Case) -> Option<String> {
    let cause = if case.panicked || case.stuck.is_none() {
        return None;
    } else if case.is_blocked_in(&[Call::Connect]) {
        BLOCKING
    } else if case.is_running() {
        "Your thread runs, and takes no notice of `cancel`. If it calls poll with `cancel`: poll returns at \
         once, for `cancel` is ready and stays so. Ask its descriptor (`PollFd::any`) after each poll."
    } else if case.is_blocked_in(&[Call::Poll]) {
        "Your thread waits in poll, and `cancel` is not among what it waits for; a look at it before or \
         after comes too late. poll takes several descriptors: give it the socket and `cancel`."
    } else {
        "`cancel` is readable, and your thread waits for something else (`kernel` says in what). poll \
         takes several descriptors: give it the socket and `cancel`."
    };
    Some(cause.to_owned())
}

/// The other end of `cancel` is closed, and it does not return.
pub(super) fn deaf_to_the_end(case: &Case) -> Option<String> {
    if case.is_running() && !case.panicked {
        return Some(
            "Your thread runs, and takes no notice of the end. Most likely poll returns at once, for `cancel` \
             is ready and stays so. At the end of file of a pipe poll sets POLLHUP, and not POLLIN (poll(2)): a \
             comparison with POLLIN misses it. `PollFd::any` asks for whatever there is."
                .to_owned(),
        );
    }
    deaf_to_cancel(case)
}

/// It was not seen at rest.
pub(super) fn spins(case: &Case) -> Option<&'static str> {
    (case.is_running() && !case.panicked).then_some(
        "The dial is under way (SYN_SENT), and your thread asks again and again whether it is over: by \
         `connect`, which says EALREADY, by SO_ERROR, by a poll that is not to wait. That keeps a \
         processor busy, for as long as nobody answers. poll with what remains of the limit waits in the \
         kernel.",
    )
}
