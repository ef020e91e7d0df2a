//! What can have gone wrong, by what the kernel shows, what has arrived, and what was returned.

use std::io::{self, ErrorKind};

use socket_workshop::table::{End, State};

use crate::exam::{
    Awaited, Call, Case, Stuck, Took,
    diagnosis::{
        LOSES_THE_ERROR, PANICS_ON_AN_ERROR, RETRIES_A_FATAL_ERROR, RETURNS_AT_A_SIGNAL,
        SLEEPS_BETWEEN_LOOKS, SPINS, SPINS_AT_END_OF_FILE, WAITS_FOR_ITS_THREAD, first_of,
    },
};

/// The calls in which an answer waits for what its peer sends.
const READING: [Call; 3] = [Call::Read, Call::Poll, Call::Splice];

/// Neither end has a row any more, though the exam has not closed its own: a RST.
fn is_reset(case: &Case, yours: End) -> bool {
    let is_one = |end: End| end == yours || end == yours.other();
    let mut sockets = case.evidence.sockets.iter();
    !sockets.any(|seen| is_one(seen.row.end()))
}

/// Nothing that was sent is on its way, or waits for room.
fn nothing_is_queued(case: &Case) -> bool {
    case.yours().is_some_and(|seen| seen.row.send_q == 0)
}

fn spins(case: &Case) -> bool {
    matches!(case.stuck, Some(Stuck::Spin(..)))
}

fn hangs(case: &Case) -> bool {
    matches!(case.stuck, Some(Stuck::Hang(_)))
}

/// The student's end, and no FIN of its has been sent or waits to be.
fn has_not_shut_down(case: &Case) -> bool {
    case.is_in(State::Established) || case.is_in(State::CloseWait)
}

pub(super) fn does_not_arrive(case: &Case, yours: End) -> Option<String> {
    if case.panicked {
        return None;
    }
    let waits_to_read = case.is_blocked_in(&READING);
    Some(
        match case.awaited {
            _ if is_reset(case, yours) => {
                "Your end has sent a reset (RST). What your kernel had not sent by then is lost, \
                 and the peer may have lost bytes that it had not read. A close sends a reset \
                 while bytes are unread, and with SO_LINGER 0 unless both FINs are acknowledged. \
                 Shut down the sending half, read to the peer's end of file, then close, without \
                 SO_LINGER."
            }
            Awaited::EndOfFile if !case.arrived.is_empty() => return None, // more than all of it
            Awaited::EndOfFile if has_not_shut_down(case) && waits_to_read => {
                "Everything has arrived, but no FIN: your thread waits for the peer's end of file, \
                 and the peer waits for yours. Send the FIN with `shutdown(Shutdown::Write)`, then \
                 read on."
            }
            Awaited::EndOfFile if has_not_shut_down(case) => {
                "Everything has arrived, but no FIN: your end can still send. Send the FIN with \
                 `shutdown(Shutdown::Write)` when everything is written."
            }
            Awaited::Bytes
                if case.arrived.is_empty()
                    && has_not_shut_down(case)
                    && nothing_is_queued(case)
                    && waits_to_read =>
            {
                "Nothing has been written: your code drains the peer first. The peer waits for its \
                 answer, and closes when it has that. Write first, then drain."
            }
            Awaited::Bytes if has_not_shut_down(case) => return None,
            Awaited::Bytes if case.wanted.starts_with(&case.arrived) && case.stuck.is_none() => {
                "Your code closed before it had written everything. `write` takes what there is \
                 room for and returns how much, and a signal or a timeout can cut it short: write \
                 the rest. WouldBlock and Interrupted are not the end of the answer, and neither \
                 is the peer's end of file."
            }
            _ => return None,
        }
        .to_owned(),
    )
}

pub(super) fn ends_too_soon(case: &Case) -> Option<String> {
    let open = case.evidence.yours().next().is_some();
    Some(
        match () {
            () if case.panicked => return None,
            () if open && !case.evidence.threads.is_empty() => {
                "`answer` has returned, but a thread of yours still uses the connection: the \
                 caller never learns how it ends. Join the thread before you return."
            }
            () => {
                "`answer` has returned while the peer may still send. After your close the kernel \
                 answers what it sends with a reset, and a reset discards what has not been \
                 delivered. Read on to the peer's end of file. After `Shutdown::Both` your own \
                 read returns Ok(0), which is not that: shut down the sending half only."
            }
        }
        .to_owned(),
    )
}

/// For a call that has returned Ok after the peer's end of file, with more to send than there was
/// room for.
pub(super) fn ends_before_all_is_sent(case: &Case) -> Option<String> {
    (!case.panicked).then(|| {
        "`answer` has returned Ok, and cannot have sent everything: both kernels' buffers together \
         hold less, and the peer has read nothing. The peer's end of file ends only what it sends \
         to you. Write all of the answer, and wait until there is room for it."
            .to_owned()
    })
}

/// For a call that was to wait in the kernel. Given is whether the peer's end of file has arrived.
pub(super) fn does_not_wait(case: &Case, has_half_closed: bool) -> Option<String> {
    match (case.has_returned_ok(), has_half_closed) {
        (true, true) => return ends_before_all_is_sent(case),
        (true, false) => return ends_too_soon(case),
        (false, _) => {}
    }
    let spins = SPINS.of(case)?;
    let is_sent = case.is_in(State::FinWait1) || case.is_in(State::FinWait2);
    Some(match () {
        () if has_half_closed => format!(
            "{spins} The peer's end of file has arrived: from then on `poll` with POLLIN returns \
             immediately, each time. Read no more after Ok(0), and poll only for room to write."
        ),
        () if is_sent => format!(
            "{spins} Everything is sent, and there is room for more: from then on `poll` with \
             POLLOUT returns immediately, each time. Poll only for what the peer sends."
        ),
        () => spins,
    })
}

pub(super) fn does_not_drain(case: &Case, yours: End) -> Option<String> {
    if case.panicked {
        return None;
    }
    let unread = case.yours().is_some_and(|seen| seen.row.recv_q > 0);
    Some(
        match () {
            () if is_reset(case, yours) => {
                "Your kernel answered the peer's bytes with a reset: the socket could not receive \
                 them. Either your code closed it too early: when nothing was there to read, after \
                 some reads, or at an error that is not end of file (WouldBlock, Interrupted). Or \
                 its receiving half is shut down too (`Shutdown::Both`). Keep it open and read \
                 until Ok(0)."
            }
            () if unread => {
                "What the peer sent is in Recv-Q, and your code does not read it. A close would \
                 send a reset now. Read until Ok(0), then close."
            }
            () => return None,
        }
        .to_owned(),
    )
}

/// For a call that was to return after the peer's end of file.
pub(super) fn does_not_return(case: &Case) -> Option<String> {
    // End of file counts as one byte in Recv-Q.
    let unread = case.yours().is_some_and(|seen| seen.row.recv_q > 1);
    if unread {
        return None;
    }
    first_of(&[SLEEPS_BETWEEN_LOOKS], case).or_else(|| spins_at_the_end(case))
}

/// As [`SPINS_AT_END_OF_FILE`], after the FIN of both: the student's end is in no state any more.
fn spins_at_the_end(case: &Case) -> Option<String> {
    (spins(case) && !case.panicked).then(|| SPINS_AT_END_OF_FILE.words.to_owned())
}

/// For a call that was interrupted, and was late or has not returned.
pub(super) fn restarts_its_limit(case: &Case, took: Option<Took>) -> Option<String> {
    if took.is_some() {
        return Some(A_SIGNAL_RESTARTS_IT.to_owned());
    }
    waits_for_a_silent_peer(case).or_else(|| waits_for_a_peer_that_never_reads(case))
}

const A_SIGNAL_RESTARTS_IT: &str = "A signal ended your read or write, and your code \
     starts the limit again. Compute the deadline once, and after EINTR wait for what remains.";

pub(super) const TOO_LATE: &str = "`answer` returned later than its limit. Either it replaces a \
     short limit by a minimum, or a read or write gets a longer timeout than what remains. Compute \
     what remains before each call, and return TimedOut when nothing remains.";

pub(super) const ZERO_IS_OVER: &str = "With a limit of zero nothing remains from the beginning. \
     Your code waits all the same: it sets no timeout, or a minimum of its own. Return TimedOut \
     when nothing remains.";

pub(super) const OK_AT_ZERO: &str = "`answer` returned Ok. A limit of zero has passed when the call \
     begins: return TimedOut, even if nothing has to wait. Do not replace the limit by a minimum of \
     your own.";

pub(super) const LINGERS: &str = "`answer` returned late, and the peer had sent nothing. Either a \
     write waited longer than what remained, or SO_LINGER is set: then the close waits until \
     everything is acknowledged. Set no SO_LINGER, and set what remains before each write.";

/// For a call that returned an error where the peer has read all of it, and closed in order.
pub(super) fn needless_error(kind: ErrorKind) -> Option<String> {
    Some(
        match kind {
            ErrorKind::NotConnected => {
                "Once both FINs have passed, `shutdown` fails with ENOTCONN (NotConnected): there \
                 is nothing left to shut down. Drop the second `shutdown`: dropping the stream \
                 closes it."
            }
            ErrorKind::UnexpectedEof => {
                "Your code returns the peer's end of file as an error. It is what the call waits \
                 for: return Ok."
            }
            ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::TimedOut => {
                "The limit has not passed. A timeout of one call (WouldBlock) or a signal \
                 (Interrupted) ended your read or write early: make the call again with the time \
                 that remains."
            }
            _ => return None,
        }
        .to_owned(),
    )
}

pub(super) const IS_OPEN: &str = "`answer` has returned, and the stream is still open: a clone of \
     it was kept or forgotten. The socket lives as long as any descriptor of it. Drop every handle \
     on every path out.";

pub(super) const A_DESCRIPTOR_IS_LEFT: &str = "`answer` has returned, and a descriptor that it \
     opened is still open: a clone of the stream, an epoll, a timer or a pipe. Drop it on every \
     path out: a server that leaks one descriptor per client eventually runs out.";

pub(super) fn loses_a_reset(case: &Case) -> Option<String> {
    first_of(
        &[
            PANICS_ON_AN_ERROR,
            LOSES_THE_ERROR,
            RETRIES_A_FATAL_ERROR,
            WAITS_FOR_ITS_THREAD,
        ],
        case,
    )
}

/// For a call that has nothing to write, after the peer's end of file and a reset.
pub(super) fn loses_shutdowns_error(case: &Case) -> Option<String> {
    (case.has_returned_ok() && !case.panicked).then(|| {
        "Your code ignores the error of `shutdown` (NotConnected), which is the only call that \
         fails here: after the peer's end of file a read returns Ok(0), whatever comes later. \
         Return what `take_error` has (SO_ERROR): the reset."
            .to_owned()
    })
}

/// For a call that has nothing to write, after a reset before the call.
pub(super) fn loses_a_reset_with_nothing_to_write(case: &Case) -> Option<String> {
    if case.panicked || !case.has_returned_ok() {
        return loses_a_reset(case);
    }
    Some(
        "There is nothing to write, and your code has not noticed the reset: either it returns Ok \
         without a call that reports it, or it drops the error of `shutdown` or `read`. An empty \
         answer ends like any other: shut down the sending half, read to the peer's end of file, \
         and return the error."
            .to_owned(),
    )
}

/// For a call that returned an error of this kind after a reset.
pub(super) fn another_error(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotConnected => {
            "Your code returned the error of `shutdown`. After a reset that is NotConnected, which \
             says nothing about the cause. Return what `take_error` has (SO_ERROR): \
             ConnectionReset."
        }
        _ => {
            "Your code replaced the kernel's error. The caller must be able to tell a reset from a \
             peer that is too slow: return the error as it is."
        }
    }
}

/// For a call that has returned something else than TimedOut, or has returned it too early.
pub(super) fn no_time_out(returned: &io::Result<()>, early: bool) -> Option<String> {
    Some(
        match returned.as_ref().map_err(io::Error::kind) {
            Ok(()) if early => {
                "`answer` returned before the peer's end of file and before the limit. Read until \
                 Ok(0). After `Shutdown::Both` your own read returns Ok(0), which is not that: shut \
                 down the sending half only."
            }
            Ok(()) => {
                "`answer` returned Ok at its limit, and the peer has not closed. Ok says that \
                 everything is sent and the peer has closed: return TimedOut."
            }
            Err(ErrorKind::WouldBlock) => {
                "A read or write that times out fails with EAGAIN, which is WouldBlock on Unix. \
                 Return an error of the kind TimedOut instead."
            }
            Err(ErrorKind::Interrupted) => return Some(RETURNS_AT_A_SIGNAL.words.to_owned()),
            Err(ErrorKind::InvalidInput) => {
                "std refuses a timeout of zero, because for the kernel zero means no timeout. When \
                 nothing remains until the deadline, return TimedOut instead of setting it."
            }
            Err(ErrorKind::TimedOut) => {
                "`answer` timed out too early. Either the limit is computed wrongly (in another \
                 unit, or cut to whole milliseconds), or your code treats something else as the \
                 limit: an error, or one wait that is over. Compare `Instant::now()` with the \
                 deadline."
            }
            Err(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                "The peer has not reset the connection. If your code shut down both directions, \
                 your own kernel sent the reset when the peer sent more: shut down the sending \
                 half only."
            }
            _ => return None,
        }
        .to_owned(),
    )
}

/// For a call that returned as late as if the limit had started when everything was written.
pub(super) const BEGAN_ANEW: &str = "The limit started again when everything was written. It is \
     one limit for writing and for draining the peer: compute the deadline once, before the first \
     write.";

pub(super) fn waits_for_a_silent_peer(case: &Case) -> Option<String> {
    (hangs(case) && case.is_blocked_in(&[Call::Read, Call::Splice])).then(|| {
        "Your thread is blocked in a read beyond the limit: the read has no timeout, or one that \
         is too long. A peer that never closes holds the thread and the descriptor. Set what \
         remains until the deadline as the timeout of each read."
            .to_owned()
    })
}

pub(super) fn waits_for_a_peer_that_never_stops(case: &Case) -> Option<String> {
    let has_returned = case.stuck.is_none() && !case.panicked;
    (has_returned || case.is_blocked_in(&READING)).then(|| {
        "A peer that sends a byte now and then holds the call beyond its limit. Either there is no \
         limit, or a timeout that restarts with each read. Compute the deadline once, set what \
         remains before each read, and return TimedOut when nothing remains."
            .to_owned()
    })
}

/// For a peer that sends whenever there is room.
pub(super) fn looks_at_the_clock_too_seldom(case: &Case) -> Option<String> {
    (!case.panicked && !case.is_blocked_in(&[Call::Write, Call::Close])).then(|| {
        "The peer sends without a pause, so bytes are there whenever your code looks, and no call \
         waits. Your code reads on, and compares the time with the deadline only when nothing is \
         there, or never. Compare them in every round."
            .to_owned()
    })
}

pub(super) fn waits_for_a_peer_that_never_reads(case: &Case) -> Option<String> {
    if let Some(lingers) = waits_in_its_close(case) {
        return Some(lingers);
    }
    (hangs(case) && case.is_blocked_in(&[Call::Write])).then(|| {
        "Your thread is blocked in a write beyond the limit: both kernels' buffers are full, the \
         peer does not read, and the write has no timeout (`set_write_timeout`), or one that is \
         too long. Set what remains until the deadline before each write."
            .to_owned()
    })
}

/// For a call that is blocked in its close.
fn waits_in_its_close(case: &Case) -> Option<String> {
    case.is_blocked_in(&[Call::Close]).then(|| {
        "Your thread is blocked in close: SO_LINGER is set, so the close waits until everything is \
         acknowledged. The limit does not end that wait. Set no SO_LINGER: the kernel sends what \
         it has, also after the close."
            .to_owned()
    })
}

/// For a call that has nothing to write or read any more, and has not ended.
pub(super) fn waits_for_acks(case: &Case) -> Option<String> {
    if case.is_blocked_in(&[Call::Sleep]) && !case.panicked {
        return Some(
            "Everything is written, the peer's end of file has arrived, and your code sleeps \
             between looks: most likely until everything is acknowledged. Return instead: the \
             kernel sends what it has, also after the close."
                .to_owned(),
        );
    }
    does_not_wait(case, true)
}

/// For a call that was late by a second write, or by many, or by its close.
pub(super) const EACH_WRITE: &str = "A write that times out after it has written a part returns \
     how much, and no error. The next write (`write_all` makes it) starts the timeout again. Write \
     in a loop of your own, and set what remains before each write. If your code sets SO_LINGER, \
     remove that: with it, the close waits too.";

pub(super) fn waits_for_a_slow_peer(case: &Case) -> Option<String> {
    if let Some(hangs) = waits_for_a_peer_that_never_reads(case) {
        return Some(hangs);
    }
    let has_returned = case.stuck.is_none() && !case.panicked;
    (has_returned || case.is_blocked_in(&[Call::Write, Call::Poll])).then(|| {
        format!(
            "A peer that reads a little now and then holds the call beyond its limit. {EACH_WRITE}"
        )
    })
}

pub(super) fn diagnose(case: &Case) -> Option<String> {
    case.panicked.then(|| {
        "Your code panicked at something that the peer did. A panic drops the stream and closes it \
         with bytes unread, which sends a reset. Return the error instead."
            .to_owned()
    })
}
