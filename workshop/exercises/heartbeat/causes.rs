//! What can be wrong with a watch, by what it sent and returned, and by what the kernel shows.

use std::io::{self, ErrorKind};

use socket_workshop::table::{State, TimerKind};

use super::{Ended, PING};

use crate::exam::{Call, Case, Stuck, Whose};

pub(super) const TOO_EARLY: &str = "A ping is for a peer that has been silent for a whole interval, \
     counted from the last byte, or from the call. Wait for that long first: it may speak by itself.";

pub(super) const NO_TIME_TO_ANSWER: &str = "There is an interval before each ping, and one after the \
     last: until that is over it may still be answered. What is counted is the pings that have gone \
     unanswered, not those that were sent.";

pub(super) const TOO_LATE: &str = "Each interval begins with the last byte, or with the last ping, and \
     `misses` + 1 of them are all. Something waits longer than that: another interval, or a wait that \
     begins again when a part of it is over. Compute what remains before each wait.";

pub(super) const FULL_IS_NO_ANSWER: &str = "It was too early: each ping has an interval in which it \
     may be answered, the last one too, and one for which there is no room is no exception.";

pub(super) const SPINS: &str = "It does not wait in the kernel, but asks again and again whether \
     something has come: a non-blocking read, or a timeout that is much too short. `poll`, or a read \
     with a timeout, sleeps until a byte, the end, or the time comes.";

pub(super) const A_THREAD_IS_LEFT: &str = "A thread that `watch` has started is still there. It will \
     go on to ping, or take bytes that are the caller's, on a connection that is no longer watched: \
     tell it to end, and join it, before you return.";

pub(super) const OPTIONS_STAY: &str = "Timeouts and O_NONBLOCK belong to the socket, not to a call \
     or to a handle, and stay until somebody sets them back: a read or a write of the caller's will \
     end in WouldBlock. Put them back on every way out, or use what holds for one call: `poll`, MSG_DONTWAIT.";

pub(super) const SHUT_DOWN: &str = "The connection has been shut down, and it was only lent: what is \
     to become of a silent peer is the caller's to decide.";

pub(super) const THREADS_APART: &str = "A thread of yours is still there when `watch` has returned. If \
     it is what sends the pings, it must hear of every answer, and of the end.";

pub(super) const NO_PING: &str =
    "A ping is the five bytes `ping\\n`, each time, and nothing else is sent.";

/// It has returned while it was to go on. `pings` are those that came, those of them that were
/// answered, and those that may go unanswered.
pub(super) fn gave_up(
    outcome: &io::Result<Ended>,
    pings: (u32, u32, u32),
    unread: bool,
) -> Option<String> {
    let cause = match (outcome, pings) {
        (Ok(Ended::Silent), (1.., 1.., _)) if unread => {
            "It has given the peer up while its answers lie unread in Recv-Q: it does not read."
        }
        (Ok(Ended::Silent), (0, ..)) => {
            "It has given the peer up without having sent a ping. That nothing comes for an interval, \
             and the read times out, is no sign of death: it is when to ask."
        }
        (Ok(Ended::Silent), (came, 0, misses)) => {
            return Some(format!(
                "It has given the peer up after {came} of {misses} pings."
            ));
        }
        (Ok(Ended::Silent), (came, _, misses)) if came <= misses => {
            "It has given the peer up although its pings were answered, and the answers have been read \
             (Recv-Q is 0). Either an answer does not set the count of pings back to zero, or only \
             certain bytes are taken for an answer, where any byte is."
        }
        (Ok(Ended::Silent), _) => {
            "The first answers were taken for life, and the last ones were not: any byte is, whatever \
             it says, and with no newline behind it too."
        }
        (Ok(_), _) => {
            "Neither end of file nor a reset has come: the peer is there, and its connection open. A \
             read that times out fails too, with WouldBlock on Unix, and means that the interval is \
             over. Look at the ErrorKind, and at Ok(0) alone for end of file."
        }
        (Err(error), _) => return of_an_error(error),
    };
    Some(cause.to_owned())
}

/// An error that was no reason to return one.
fn of_an_error(error: &io::Error) -> Option<String> {
    let cause = match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            "A call that ran out of time was passed on as an error: WouldBlock on Unix. From a read it \
             says that an interval is over, from a write that there is no room for the ping. Both are \
             what `watch` is there for."
        }
        ErrorKind::InvalidData => {
            "Bytes were taken for text, and these are none: what a peer says does not matter here."
        }
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
            "The reset was passed on as an error. That the peer has reset the connection is one of the \
             three things which `watch` is asked to tell: Ok(Reset)."
        }
        ErrorKind::UnexpectedEof => {
            "End of file was made an error (`read_exact` makes it UnexpectedEof). That the peer has \
             closed is one of the three things which `watch` is asked to tell: Ok(Closed)."
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
            "The end of file was told as silence. `read` returned Ok(0), which is not `nothing has \
             come`: that is WouldBlock. The peer has said, with its FIN, that it will say no more."
        }
        (Closed, _) => {
            "The end of file was told as a reset. A FIN says that all was sent and all is well; `read` \
             returns Ok(0). An RST throws away what was under way; `read` fails with ConnectionReset."
        }
        (Reset, Closed) => {
            "The reset was told as end of file. The first call after an RST fails with ECONNRESET, and \
             only that one: reads after it return Ok(0). An error that is ignored, a read's or a \
             ping's, or an `Err(_)` that stands for the end, makes an orderly close of it."
        }
        (Reset, _) => {
            "The reset was told as silence. `read` returned an error, ECONNRESET, and not WouldBlock: \
             not every error means that an interval is over."
        }
        (Silent, _) => {
            "Nothing has come from the peer, neither a FIN nor an RST. A read that times out fails \
             with WouldBlock on Unix, and a ping for which there is no room does too: that is neither \
             the end of file nor a reset."
        }
    };
    Some(cause.to_owned())
}

/// It has not returned although `misses` pings are unanswered; these bytes have come.
pub(super) fn pings_on(came: &[u8], misses: u32) -> Option<String> {
    let pings = came.chunks(PING.len()).filter(|ping| *ping == PING).count();
    (pings > misses as usize).then(|| {
        format!(
            "{pings} pings have been sent, none is answered, and it goes on. That a write succeeds is \
             no sign of life: the peer's kernel takes the bytes, whatever has become of the program. \
             Having sent a ping sets neither the clock nor the count back: only bytes that `read` \
             brought may."
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
        return gave_up(&Ok(Ended::Silent), (pings as u32, 0, misses), false);
    }
    let once_more = "It has pinged once more before it looked at the count. When the last of the pings \
                     has gone unanswered, there is nothing more to ask.";
    Some(once_more.to_owned())
}

/// It has returned Silent, and this is what it had sent since the peer had answered.
pub(super) fn counted_on(case: &Case, sent: &[u8], misses: u32) -> Option<String> {
    let pings = sent.len() / PING.len();
    if pings >= misses as usize || !case.evidence.threads.is_empty() {
        return pinged(case, sent, misses);
    }
    Some(format!(
        "Since the answer it has sent {pings} of {misses} pings. Either the pings before the answer \
         still count, or it was not taken for one: any byte sets the count back to zero."
    ))
}

/// Pings came while the peer was talking.
pub(super) fn unasked(case: &Case) -> Option<String> {
    let unread = case.yours().is_some_and(|seen| seen.row.recv_q > 0);
    let cause = if unread {
        "What the peer says lies unread in Recv-Q, and is pinged over. It must be read: every byte that \
         comes is a sign of life, as good as an answer, and lets the interval begin anew."
    } else {
        "It pings although the peer talks. Every byte that comes is a sign of life, as good as an \
         answer: the interval begins anew, and a ping is due only when it has passed in silence."
    };
    Some(cause.to_owned())
}

/// What a watch can do wrong in any check, by what the kernel shows.
pub(super) fn likely(case: &Case) -> Option<String> {
    if case.panicked {
        return None;
    }
    let yours = case.yours();
    let unread = yours.is_some_and(|seen| seen.row.recv_q > 0);
    let mut peers = (case.evidence.sockets.iter()).filter(|seen| seen.whose == Whose::Peers);
    let pinged = peers.any(|seen| seen.row.recv_q > 0);
    let probes = yours
        .and_then(|seen| seen.row.timer)
        .is_some_and(|timer| timer.kind == TimerKind::Keepalive);
    let at_the_end = yours.is_some_and(|seen| seen.row.recv_q <= 1) && case.is_in(State::CloseWait);
    let hangs = matches!(case.stuck, Some(Stuck::Hang(_)));
    let cause = if at_the_end && matches!(case.stuck, Some(Stuck::Spin(..))) {
        "`read` returned Ok(0): end of file. The loop took it for `nothing has come` and reads again, \
         for ever."
    } else if case.is_blocked_in(&[Call::Write]) {
        "It is blocked in the write of a ping: the send buffer and the peer's window are full, and a \
         peer that does not read makes no room. MSG_DONTWAIT, or a socket that is non-blocking for \
         this one write, returns WouldBlock instead."
    } else if probes && case.is_blocked_in(&[Call::Read, Call::Poll]) {
        "It waits, and leaves the rest to SO_KEEPALIVE. The probes of that begin after two hours by \
         default; they carry no bytes, and the peer's kernel answers them, so that a program which \
         hangs passes for ever. Ask the program: send a ping."
    } else if case.is_blocked_in(&[Call::Sleep]) && (unread || yours.is_none()) {
        "It sleeps, and in a sleep it hears nothing: what has come from the peer waits for it. `poll`, \
         or a read with a timeout, is a sleep that a byte, end of file and a reset cut short."
    } else if case.is_blocked_in(&[Call::Read])
        && case.is_in(State::Established)
        && hangs
        && !unread
        && !pinged
    {
        "It has been waiting in a read for longer than the interval. `set_read_timeout`, or a `poll` \
         before the read, ends the wait when a ping is due."
    } else if unread {
        "What has come lies unread in Recv-Q (a FIN counts for one there)."
    } else {
        return None;
    };
    Some(cause.to_owned())
}
