//! What can be wrong with a watch, by what it sent and returned, and by what the kernel shows.

use std::io::{self, ErrorKind};

use socket_workshop::table::{State, TimerKind};

use super::{Ended, PING};

use crate::exam::{
    Call, Case, Owner, Stuck,
    diagnosis::{SLEEPS_BETWEEN_LOOKS, SPINS, SPINS_AT_END_OF_FILE, first_of},
};

pub(super) const TOO_EARLY: &str = "A ping was sent before a whole interval of silence had passed, \
     counted from the call or from the last byte. Wait for the whole interval first, and round a \
     timeout up: `poll` counts in milliseconds.";

/// The interval is longer than the range of a number that is often used for a time.
pub(super) const CUTS_THE_INTERVAL: &str = "A ping was sent long before its interval was over. The \
     interval is longer than some number in your code can be: `as` cuts off what does not fit into \
     a `u16`, an `i32` or a `u32`. An interval may be an hour: keep it as a `Duration`, and convert \
     it with `try_from`.";

pub(super) const NO_TIME_TO_ANSWER: &str = "`watch` returned too early. There is an interval \
     before each ping, and one more after the last: until that is over, the ping may still be \
     answered. Count the pings that have gone unanswered, not those that were sent, and round a \
     timeout up.";

pub(super) const TOO_LATE: &str = "Each interval begins with the last byte or the last ping, and \
     `watch` returns after `misses` + 1 intervals. Your code waits longer: it replaces a short \
     interval by a minimum of its own, waits in other places too, or restarts a wait that is \
     partly over. Compute what remains before each wait.";

pub(super) const DOES_NOT_RESTART: &str = "The pings are right, and they come too late: the \
     interval did not begin with the byte. Most likely your code has a clock of its own, and a \
     byte changes only what is done at the next tick. Note when the last byte came, and compute \
     what remains from there before each wait.";

pub(super) const FULL_IS_NO_ANSWER: &str = "`watch` returned too early. A ping for which there is \
     no room counts as sent: wait an interval for its answer, as for any ping.";

/// It ended less than an interval before its time.
pub(super) const ROUNDS_DOWN: &str = "A wait ended a little before its time, by much less than an \
     interval: most likely a conversion cut off a part of the time. `poll` counts in milliseconds: \
     round a timeout up, or look at the clock and wait for what remains.";

pub(super) const IS_NOT_COUNTED: &str = "Your code waits for more than `misses` pings: one for \
     which there was no room is not counted. It counts as sent and unanswered.";

pub(super) const WAITS_FOR_ROOM: &str = "`watch` returned too late: your code waits for room \
     before it counts a ping. Send with MSG_DONTWAIT, and on WouldBlock count the ping and go on.";

pub(super) const SENDS_IT_LATER: &str = "Pings for which there was no room were sent when there \
     was room again. A ping that comes late is useless: send one ping when an interval is over, \
     and drop it if it does not fit.";

pub(super) const SPINS_TOO_MUCH: &str = "Your code looks again and again whether something has \
     arrived: a non-blocking read in a loop, or a timeout that is much too short, such as one of 0 \
     ms for the last part of a millisecond. Block in `poll` or in a read until a byte arrives or \
     the interval is over, and round a timeout up.";

/// There was no room for a ping, and now there is.
pub(super) const SPINS_IN_ROOM: &str = "There was no room for a ping. Since the peer has made room \
     your code runs without waiting: most likely it polls for POLLOUT, which is ready as long as \
     there is room. A ping that did not fit is not sent later: poll for POLLIN alone.";

pub(super) const A_SIGNAL_ENDS_IT: &str = "A signal ended your wait, and your code went on as if \
     the interval were over. On EINTR (`ErrorKind::Interrupted`) wait for what remains of the \
     interval.";

pub(super) const A_SIGNAL_RESTARTS_IT: &str = "A signal ended your wait, and your code waits for a \
     whole interval again. Note when the interval ends, as an `Instant`, and on EINTR wait for \
     what remains.";

pub(super) const READ_BY_ANOTHER: &str = "The peer sent bytes after `watch` had returned, and the \
     caller's read does not find them: a thread of yours was still there and has read them, from \
     the stream or a clone of it. End and join every thread before you return.";

pub(super) const SHUT_DOWN: &str = "Your code has shut the connection down. The stream was only \
     lent: the caller decides what becomes of a silent peer. Return, and leave it open.";

pub(super) const THREADS_APART: &str = "A thread that you started is still there after `watch` has \
     returned. A thread that sends the pings must be stopped at the end: join it before you \
     return.";

pub(super) const A_HANDLE_IS_LEFT: &str = "`watch` has returned, and more descriptors are open \
     than at the call: a clone (`try_clone`), an epoll, a timer or a pipe. Drop each of them on \
     every path out. A clone keeps the connection open when the caller closes the stream.";

pub(super) const NOT_ALL_IS_READ: &str = "`watch` returned Closed with bytes unread: it saw the \
     FIN and did not read what arrived before it. End of file is `read` returning Ok(0), after all \
     the bytes.";

pub(super) const NO_PING: &str =
    "Send the five bytes `ping\\n` as a ping each time, and nothing else.";

/// It has returned while it was to go on. `pings` are those that came, those of them that were
/// answered, and those that may go unanswered.
pub(super) fn returned_too_early(
    outcome: &io::Result<Ended>,
    pings: (u32, u32, u32),
    unread: bool,
) -> Option<String> {
    let cause = match (outcome, pings) {
        (Ok(Ended::Silent), (1.., 1.., _)) if unread => {
            "`watch` returned Silent, and the peer's answers are still unread in Recv-Q. Read \
             before you decide that the peer is silent."
        }
        (Ok(Ended::Silent), (0, ..)) => {
            "`watch` returned Silent without sending a ping. A read that times out only says that \
             an interval is over. Send a ping then, and count it."
        }
        (Ok(Ended::Silent), (came, 0, misses)) if came >= misses => NO_TIME_TO_ANSWER,
        (Ok(Ended::Silent), (came, 0, misses)) => {
            return Some(format!(
                "`watch` returned Silent after {came} of {misses} pings. Return it when all \
                 {misses} have gone unanswered, each for an interval."
            ));
        }
        (Ok(Ended::Silent), (came, _, misses)) if came <= misses => {
            "`watch` returned Silent although its pings were answered, and it has read the answers \
             (Recv-Q is 0). Either an answer does not set the count of pings to 0, or only certain \
             bytes count as an answer. Any byte is an answer."
        }
        (Ok(Ended::Silent), _) => {
            "The first answers counted and the last ones did not. Any byte is an answer, whatever \
             its value, and without a newline after it too."
        }
        (Ok(_), _) => {
            "Neither end of file nor a reset has arrived: the connection is open. A read that \
             times out fails too, with WouldBlock on Unix, and only says that an interval is over. \
             Compare the ErrorKind, and treat only Ok(0) as end of file."
        }
        (Err(error), _) => return of_an_error(error),
    };
    Some(cause.to_owned())
}

/// An error that was no reason to return one.
pub(super) fn of_an_error(error: &io::Error) -> Option<String> {
    let cause = match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            "Your code returned a timeout as an error (WouldBlock on Unix). From a read it says \
             that an interval is over; from a write, that there is no room for the ping. Handle \
             both inside `watch`."
        }
        ErrorKind::Interrupted => {
            "Your code returned EINTR as an error. It only says that a signal ended the wait: wait \
             for what remains of the interval."
        }
        ErrorKind::InvalidData => {
            "Your code reads the bytes as text, and these are not UTF-8. Read them into a `[u8]`: \
             their values do not matter here."
        }
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
            "Your code returned the reset as an error. Match ConnectionReset and BrokenPipe, and \
             return Ok(Reset)."
        }
        ErrorKind::UnexpectedEof => {
            "Your code made an error of end of file (`read_exact` makes it UnexpectedEof). Use \
             `read`, and return Ok(Closed) when it returns Ok(0)."
        }
        _ => return None,
    };
    Some(cause.to_owned())
}

/// It has ended, but not as expected.
pub(super) fn instead(expected: Ended, outcome: &io::Result<Ended>) -> Option<String> {
    use Ended::{Closed, Reset, Silent};
    let ended = match outcome {
        Ok(ended) => ended,
        Err(error) => return of_an_error(error),
    };
    let cause = match (expected, ended) {
        (Closed, Silent) => {
            "Your code treats end of file as silence. At end of file `read` returns Ok(0); when \
             nothing has arrived it fails with WouldBlock. Return Closed for Ok(0)."
        }
        (Closed, _) => {
            "Your code treats end of file as a reset. After a FIN `read` returns Ok(0): return \
             Closed. After an RST it fails with ConnectionReset: return Reset."
        }
        (Reset, Closed) => {
            "Your code treats the reset as end of file. Only the first call after an RST fails \
             with ECONNRESET; the reads after it return Ok(0). Look at every error of a read and \
             of a ping: an error that is ignored, or an `Err(_)` that means the end, turns a reset \
             into Closed. So does a look at POLLHUP, which a reset raises too: read, and let the \
             read distinguish them."
        }
        (Reset, _) => {
            "Your code treats the reset as silence. After a reset `read` fails with \
             ConnectionReset; when an interval is over it fails with WouldBlock. Compare the \
             ErrorKind."
        }
        (Silent, _) => {
            "Neither end of file nor a reset has arrived. A read that times out fails with \
             WouldBlock on Unix, and so does a ping for which there is no room: neither is the end \
             of the connection."
        }
    };
    Some(cause.to_owned())
}

/// It has returned Ok where it was to return an error.
pub(super) fn loses_an_error(outcome: &io::Result<Ended>) -> String {
    match outcome {
        Ok(ended) => format!(
            "A read fails here, and your code returned {ended:?}. Only ConnectionReset and \
             BrokenPipe are a reset, only WouldBlock is the end of an interval, and only Ok(0) is \
             end of file. Return every other error with `?`."
        ),
        Err(error) => format!(
            "Your code replaced the error by one of the kind {:?}. Return the kernel's error as it \
             is.",
            error.kind()
        ),
    }
}

/// It has not returned although `misses` pings are unanswered; these bytes have come.
pub(super) fn pings_on(came: &[u8], misses: u32) -> Option<String> {
    let pings = came.chunks(PING.len()).filter(|ping| *ping == PING).count();
    (pings > misses as usize).then(|| {
        format!(
            "{pings} pings have been sent, none is answered, and `watch` goes on. A write that \
             succeeds is not an answer: the peer's kernel takes the bytes, even if the program \
             hangs. Only bytes that `read` returns may reset the count."
        )
    })
}

/// It has returned Silent, and this is what it had sent to a peer that never answered.
pub(super) fn pinged(case: &Case, sent: &[u8], misses: u32) -> Option<String> {
    let pings = sent.len() / PING.len();
    if sent != PING.repeat(pings) {
        return Some(NO_PING.to_owned());
    }
    if !case.evidence.threads.is_empty() {
        return Some(THREADS_APART.to_owned());
    }
    if pings < misses as usize {
        return returned_too_early(&Ok(Ended::Silent), (pings as u32, 0, misses), false);
    }
    let once_more = "Your code sent one ping too many: it sends first and compares the count \
                     afterwards. When the last ping has gone unanswered for an interval, return \
                     Silent instead.";
    Some(once_more.to_owned())
}

/// It has returned Silent, and this is what it had sent since the peer had answered.
pub(super) fn counted_on(case: &Case, sent: &[u8], misses: u32) -> Option<String> {
    let pings = sent.len() / PING.len();
    if pings >= misses as usize || !case.evidence.threads.is_empty() {
        return pinged(case, sent, misses);
    }
    Some(format!(
        "Since the answer your code has sent {pings} of {misses} pings. Either the pings before \
         the answer still count, or the answer did not count: any byte sets the count to 0."
    ))
}

/// This many bytes have come, after fewer, and no ping comes.
pub(super) fn reads_on(case: &Case, size: usize) -> Option<String> {
    let hangs = matches!(case.stuck, Some(Stuck::Hang(_)));
    let waits = hangs && case.arrived.is_empty() && case.is_blocked_in(&[Call::Read]);
    waits.then(|| {
        format!(
            "The peer has sent {size} bytes, and your thread waits in a read without a timeout, \
             although a ping is due. If this happens only after a read that fills your buffer, \
             your code expects more to follow. A full buffer says nothing about what comes next: \
             let `poll` or a timeout limit every wait."
        )
    })
}

/// Pings came while the peer was sending.
pub(super) fn needless_ping(case: &Case) -> Option<String> {
    let unread = case.yours().is_some_and(|seen| seen.row.recv_q > 0);
    let cause = if unread {
        "Your code sends a ping while bytes of the peer's are unread in Recv-Q. Read them: each \
         byte is an answer and restarts the interval."
    } else {
        "Your code sends a ping although the peer keeps sending. Each byte restarts the interval: \
         a ping is due only after a whole interval of silence."
    };
    Some(cause.to_owned())
}

/// `misses` is the largest number, and the code has panicked.
pub(super) fn computes_with_misses(case: &Case) -> Option<String> {
    case.panicked.then(|| {
        "`misses` may be as large as a u32 is: `misses + 1` and `interval * misses` overflow. Count \
         up to `misses` instead of computing the whole time."
            .to_owned()
    })
}

/// What a watch can do wrong in any check, by what the kernel shows.
pub(super) fn diagnose(case: &Case) -> Option<String> {
    if case.panicked {
        return None;
    }
    let yours = case.yours();
    let unread = yours.is_some_and(|seen| seen.row.recv_q > 0);
    let mut peers = (case.evidence.sockets.iter()).filter(|seen| seen.owner == Owner::Peers);
    let pinged = peers.any(|seen| seen.row.recv_q > 0);
    let probes = yours
        .and_then(|seen| seen.row.timer)
        .is_some_and(|timer| timer.kind == TimerKind::Keepalive);
    let hangs = matches!(case.stuck, Some(Stuck::Hang(_)));
    if !unread && let Some(words) = first_of(&[SPINS_AT_END_OF_FILE], case) {
        return Some(words);
    }
    let cause = if case.is_blocked_in(&[Call::Write]) {
        "Your thread is blocked in the write of a ping: the send buffer and the peer's window are \
         full, and the peer does not read. Send with MSG_DONTWAIT, or make the socket non-blocking \
         for this one write: then the write fails with WouldBlock instead."
    } else if probes && case.is_blocked_in(&[Call::Read, Call::Poll]) {
        "Your code waits and relies on SO_KEEPALIVE. Its probes carry no bytes, and the peer's \
         kernel answers them: a program that hangs looks alive. Send a ping to the program itself."
    } else if (unread || yours.is_none()) && case.is_blocked_in(&[Call::Sleep]) {
        return first_of(&[SLEEPS_BETWEEN_LOOKS], case);
    } else if case.is_in(State::CloseWait)
        && !unread
        && case.is_blocked_in(&[Call::Read, Call::Poll])
    {
        "The peer has closed its sending half, and your code has read its end of file (CLOSE_WAIT, \
         and Recv-Q is 0): a read has returned Ok(0). But your thread goes on waiting. No answer \
         can come any more: return Closed."
    } else if case.is_blocked_in(&[Call::Read])
        && case.is_in(State::Established)
        && hangs
        && !unread
        && !pinged
    {
        "Your thread waits in a read without a timeout, and a ping is due. End the wait when the \
         interval is over: `set_read_timeout`, or `poll` before the read."
    } else {
        return first_of(&[SPINS], case);
    };
    Some(cause.to_owned())
}
