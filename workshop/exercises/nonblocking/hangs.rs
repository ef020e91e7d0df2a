//! Why a dial has not ended that was to end, by where its thread is and what the kernel shows.

use std::time::Duration;

use socket_workshop::table::State;

use super::cause::READABLE;

use crate::exam::{
    Call, Case, Stuck,
    diagnosis::{SLEEPS_BETWEEN_LOOKS, SPINS, first_of},
};

/// It has not returned, although the address answers.
pub(super) fn never_connects(case: &Case) -> Option<String> {
    let waits = case.is_in(State::Established) && case.is_blocked_in(&[Call::Poll]);
    let for_ever = matches!(case.stuck, Some(Stuck::Hang(_)));
    (waits && for_ever).then(|| {
        format!("The connection is made (ESTABLISHED), and your thread waits in poll. {READABLE}")
    })
}

/// It has not returned, although the dial has failed.
pub(super) fn never_ends(case: &Case) -> Option<String> {
    let cause = if case.panicked || case.stuck.is_none() || case.yours().is_some() {
        return None;
    } else if case.is_running() || case.is_blocked_in(&[Call::Sleep]) {
        "The dial has failed (it has no row any more), and your code continues: it dials again, or \
         looks for a connection that does not come. poll reports a failed dial as writable too. \
         Return the error in SO_ERROR (`take_error`)."
    } else if case.is_blocked_in(&[Call::Lock]) {
        "The dial has failed, and your thread waits for another thread to deliver a connection. \
         Let that thread deliver the error too."
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
        "Your loop runs without waiting: it does not compare the time with the limit, or does not \
         stop when the limit has passed. Return TimedOut then."
    } else if limit.is_zero() {
        "Your code treats a limit of zero as no limit, and waits. A limit of zero has passed: \
         return TimedOut immediately."
    } else if case.is_blocked_in(&[Call::Poll]) {
        return Some(format!(
            "Your thread waits in poll for longer than the limit of {limit:?}. poll counts in \
             milliseconds, and `PollTimeout::NONE` waits without a limit. Compute what remains \
             before each poll."
        ));
    } else {
        "Your code waits in another call (`kernel` shows which), which does not end at the \
         deadline. Give that wait what remains of the limit too."
    };
    Some(cause.to_owned())
}

const BLOCKING: &str = "Your thread is blocked in `connect`: the socket was still blocking when \
     you called it. The call waits for an answer to the SYN, which the kernel repeats for about \
     two minutes. Call `set_nonblocking(true)` before `connect`.";

/// It returned, later than its limit and the margin.
pub(super) fn late(took: Duration, limit: Duration) -> String {
    format!(
        "Your code waited longer than its limit of {limit:?}: it returned after {took:.1?}. \
         Compute what remains of the limit before each wait, and use no minimum of your own."
    )
}

/// It returned too late, and signals came for this long.
pub(super) fn restarts_its_limit(took: Duration, signals: Duration, limit: Duration) -> String {
    if took < signals + limit / 2 {
        return late(took, limit);
    }
    format!(
        "`connect` returned {limit:?} after the last signal: poll ended with EINTR at each of \
         them, and your code gave it the whole limit again. Note when the call began, and compute \
         what remains before each poll."
    )
}

/// It is cancelled, and does not return.
pub(super) fn ignores_cancel(case: &Case) -> Option<String> {
    let cause = if case.panicked || case.stuck.is_none() {
        return None;
    } else if case.is_blocked_in(&[Call::Connect]) {
        BLOCKING
    } else if case.is_running() {
        "Your loop runs and does not look at `cancel`. If you call poll with `cancel`, poll \
         returns immediately, because `cancel` stays readable. Ask its descriptor (`PollFd::any`) \
         after each poll."
    } else if case.is_blocked_in(&[Call::Poll]) {
        "Your thread waits in poll, but not for `cancel`; a look at it before or after is too \
         late. Give one poll both descriptors: the socket and `cancel`."
    } else {
        "`cancel` is readable, and your thread waits for something else (`kernel` shows for what). \
         Give one poll both descriptors: the socket and `cancel`."
    };
    Some(cause.to_owned())
}

/// As [`ignores_cancel`]. Given is whether poll or epoll waits for `cancel` all the same.
pub(super) fn misses_cancel(case: &Case, is_polled: bool) -> Option<String> {
    let hangs = matches!(case.stuck, Some(Stuck::Hang(_)));
    if !(hangs && is_polled && case.is_blocked_in(&[Call::Poll])) {
        return ignores_cancel(case);
    }
    Some(
        "Your thread waits in poll or epoll, for `cancel` too, which is readable, and the call \
         does not return. An edge-triggered epoll (EPOLLET) reports a change only, and only once: \
         what it has reported before the wait is not reported again. Leave EPOLLET out, or use \
         poll: both then report what is so."
            .to_owned(),
    )
}

/// The other end of `cancel` is closed, and it does not return. Given is whether it has waited for
/// `cancel` before, and waits without it now.
pub(super) fn ignores_the_end(case: &Case, stops: bool) -> Option<String> {
    if stops && !case.panicked && case.is_blocked_in(&[Call::Poll]) {
        return Some(
            "Before the end of file your thread waited for `cancel` too, and now it waits without \
             it: your code noticed that `cancel` is ready, and left it out. At end of file of a \
             pipe poll sets POLLHUP, not POLLIN (poll(2)), and that is a cancel too: return \
             ConnectionAborted."
                .to_owned(),
        );
    }
    if case.is_running() && !case.panicked {
        return Some(
            "Your loop runs and does not notice the end of file. Most likely poll returns \
             immediately, because `cancel` stays ready. At end of file of a pipe poll sets \
             POLLHUP, not POLLIN (poll(2)): a comparison with POLLIN misses it. Use `PollFd::any`."
                .to_owned(),
        );
    }
    ignores_cancel(case)
}

/// It was not seen at rest. One that is given a socket as `cancel` has rested with a pipe before.
pub(super) fn spins(case: &Case, cancel_is_a_socket: bool) -> Option<String> {
    if !case.is_running() || case.panicked {
        return None;
    }
    let cause = match cancel_is_a_socket {
        true => {
            "With a pipe as `cancel` your thread waited, and with a socket it runs. Most likely \
             your code asks poll for more than POLLIN, such as POLLOUT: a socket and an eventfd \
             can always be written, so poll returns immediately, each time. Ask for POLLIN only."
        }
        false => {
            "The dial is under way (SYN_SENT), and your code asks again and again whether it is \
             over: by `connect`, which fails with EALREADY, by SO_ERROR, or by a poll with a \
             timeout of zero. Wait in poll for what remains of the limit."
        }
    };
    Some(cause.to_owned())
}

/// It has used CPU time instead of waiting, while its dial was under way.
pub(super) const SPINS_TO_ITS_LIMIT: &str = "Your code ran while nothing happened, instead of \
    waiting in the kernel: a poll with a timeout of zero returns immediately. Either \
    a part of a second, or of a millisecond, is rounded down to zero, or your code stops waiting a \
    little before the limit, in order not to be late. Poll for all that remains of the limit, \
    rounded up to a millisecond.";

/// It does not wait for the dial, or for `cancel`: which of the two it does is given.
pub(super) fn waits_for_one(case: &Case, (dial, cancel): (bool, bool)) -> Option<String> {
    if let Some(known) = first_of(&[SLEEPS_BETWEEN_LOOKS, SPINS], case) {
        return Some(known);
    }
    let cause = match (dial, cancel) {
        _ if case.panicked => return None,
        (true, false) => {
            "Your code waits for the dial, and looks at `cancel` now and then: a cancel is noticed \
             late. Give one poll both descriptors: the socket (POLLOUT) and `cancel` (POLLIN)."
        }
        (false, true) => {
            "Your code waits for `cancel`, and looks at the dial now and then: a connection is \
             noticed late. Give one poll both descriptors: the socket (POLLOUT) and `cancel` \
             (POLLIN)."
        }
        _ => return None,
    };
    Some(cause.to_owned())
}
