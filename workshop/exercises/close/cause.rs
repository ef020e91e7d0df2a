//! What can have gone wrong, by what the kernel shows, what has arrived, and what was returned.

use std::io::{self, ErrorKind};

use socket_workshop::table::{End, State};

use crate::exam::{Awaited, Call, Case, Stuck};

/// The calls in which an answer waits for what its peer says.
const HEARING: [Call; 3] = [Call::Read, Call::Poll, Call::Splice];

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
    let waits_to_hear = case.is_blocked_in(&HEARING);
    Some(
        match case.awaited {
            _ if is_reset(case, yours) => {
                "Your end has sent RST. What your kernel had not sent by then is lost, and the \
                 peer may have lost bytes that it had not read yet. That is what a close does \
                 while bytes are unread, and with SO_LINGER 0 always. Shut down the sending half, \
                 read to the peer's end of file, and then close."
            }
            Awaited::EndOfFile if !case.arrived.is_empty() => return None, // more than all of it
            Awaited::EndOfFile if has_not_shut_down(case) && waits_to_hear => {
                "All of it has arrived, but no FIN: your thread waits for the peer's end of file, and the \
                 peer for yours. `shutdown(Shutdown::Write)` sends it, and you can read on."
            }
            Awaited::EndOfFile if has_not_shut_down(case) => {
                "All of it has arrived, but no FIN: your end can still send. The FIN is sent \
                 by `shutdown(Shutdown::Write)`, or when the last handle is dropped."
            }
            Awaited::Bytes
                if case.arrived.is_empty()
                    && has_not_shut_down(case)
                    && nothing_is_queued(case)
                    && waits_to_hear =>
            {
                "Nothing has been written: your thread waits for the peer first. The peer waits \
                 for its answer, and closes when it has that."
            }
            Awaited::Bytes if has_not_shut_down(case) => return None,
            Awaited::Bytes if case.wanted.starts_with(&case.arrived) && case.stuck.is_none() => {
                "The end came before all was written. `write` takes what there is room for, says how much \
                 that was, and can be cut short by a signal or a timeout: go on with the rest. An error \
                 of one call (WouldBlock, Interrupted) is not the end of the answer either."
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
                "`answer` has returned, but a thread of yours goes on with the connection: the \
                 caller can neither know nor limit what becomes of it. Join the thread."
            }
            () => {
                "It has returned while the peer may still send. After your close the kernel \
                 answers that with RST, and a RST throws away what has not been delivered. Read \
                 on to the peer's end of file."
            }
        }
        .to_owned(),
    )
}

pub(super) fn does_not_hear(case: &Case, yours: End) -> Option<String> {
    if case.panicked {
        return None;
    }
    let unread = case.yours().is_some_and(|seen| seen.row.recv_q > 0);
    Some(
        match () {
            () if is_reset(case, yours) => {
                "Your kernel answered with RST what the peer said after your FIN: no read could \
                 take it. Either the socket is closed already (as soon as there was nothing to \
                 read, after so many reads, or at an error that is not end of file: WouldBlock, \
                 Interrupted), or its receiving half is shut down too (`Shutdown::Both`). Until \
                 the peer's end of file more may come."
            }
            () if unread => {
                "What the peer said is in Recv-Q, and your code does not read it. A close would \
                 send RST now."
            }
            () => return None,
        }
        .to_owned(),
    )
}

/// For a call that was to return, behind the peer's end of file.
pub(super) fn does_not_return(case: &Case) -> Option<String> {
    // An end of file counts as one byte in Recv-Q.
    let unread = case.yours().is_some_and(|seen| seen.row.recv_q > 1);
    Some(
        match () {
            () if case.panicked || unread => return None,
            () if spins(case) => {
                "The peer has closed, and your thread is running: `read` returns Ok(0), end of file, each \
                 time, and the loop takes it for \"nothing yet\"."
            }
            () if case.is_blocked_in(&[Call::Sleep]) => {
                "Your thread sleeps. The peer has closed: a `read` would return Ok(0) at once. Wait for \
                 that, not for time to pass."
            }
            () => return None,
        }
        .to_owned(),
    )
}

/// For a call that returned an error where the peer has read all of it, and closed in order.
pub(super) fn needless_error(kind: ErrorKind) -> Option<String> {
    Some(
        match kind {
            ErrorKind::NotConnected => {
                "Once both FINs have passed, `shutdown` returns ENOTCONN (NotConnected): nothing \
                 is left to be shut down. Do not report that as a failure. A second `shutdown` is \
                 not needed: dropping the stream closes it."
            }
            ErrorKind::UnexpectedEof => {
                "The peer's end of file is what the call waits for. It is the good end: return Ok."
            }
            ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::TimedOut => {
                "The limit had not passed. A call that ends earlier without having done anything, \
                 because of a timeout of its own (WouldBlock) or a signal (Interrupted), is to be \
                 made again."
            }
            _ => return None,
        }
        .to_owned(),
    )
}

pub(super) fn is_open(case: &Case) -> Option<String> {
    let who = if case.evidence.threads.is_empty() {
        "No thread of yours is left: a clone of the stream is kept somewhere, or was forgotten."
    } else {
        "A thread of yours goes on (see `kernel`), most likely with a clone, or with the stream itself: \
         join it, and see to it that its read ends."
    };
    Some(format!(
        "After the return the caller believes the connection closed, but the socket lives as long \
         as any descriptor of it. {who}"
    ))
}

pub(super) fn loses_a_reset(case: &Case) -> Option<String> {
    Some(
        if case.panicked {
            "A reset is an error that a `read`, a `write` or a `shutdown` returns, and an `unwrap` \
             makes a panic of it. The caller must know of it: return it with `?`."
        } else if spins(case) {
            "The loop goes on after an error: each call fails again immediately, without end."
        } else if case.awaited == Awaited::Return {
            return None;
        } else {
            "`read` or `write` returned an error, and it was lost: `unwrap_or(0)`, `while let \
             Ok(1..)`, `.ok()` and `let _ =` turn an error into an end of file. A peer that \
             resets may have thrown the answer away: return the error with `?`."
        }
        .to_owned(),
    )
}

/// For a call that has returned something else than TimedOut, or has returned it too early.
pub(super) fn no_time_out(returned: &io::Result<()>, early: bool) -> Option<String> {
    Some(
        match returned.as_ref().map_err(io::Error::kind) {
            Ok(()) if early => {
                "It returned before the peer's end of file, and before the limit: it did not drain \
                 the peer."
            }
            Ok(()) => {
                "The limit has passed and the peer has not closed, so nobody knows whether it has \
                 all of the answer. Ok would say that it has."
            }
            Err(ErrorKind::WouldBlock) => {
                "A call past its SO_RCVTIMEO or SO_SNDTIMEO fails with EAGAIN, which is WouldBlock \
                 on Unix: your caller needs TimedOut."
            }
            Err(ErrorKind::InvalidInput) => {
                "A timeout of zero is refused, because for the kernel zero means no timeout at \
                 all. When nothing remains until the deadline, it has passed: return TimedOut."
            }
            Err(ErrorKind::TimedOut) => {
                "It timed out too early. Either the limit is counted wrong (in another unit, or cut to whole \
                 milliseconds), or something else is taken for its end: an error, a wait that is over. \
                 Only the clock tells."
            }
            Err(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                "The peer has not reset the connection. If your code shut down both directions, \
                 your own kernel did, when the peer sent more."
            }
            _ => return None,
        }
        .to_owned(),
    )
}

/// For a call that came back as late as if the limit had begun when all was written.
pub(super) const BEGAN_ANEW: &str = "The limit began anew when all was written. It is one for \
     both, for writing and for draining the peer: note the deadline at the beginning, before the \
     first write.";

pub(super) fn waits_for_a_silent_peer(case: &Case) -> Option<String> {
    (hangs(case) && case.is_blocked_in(&[Call::Read, Call::Splice])).then(|| {
        "Your thread is blocked in a read beyond its limit: the read has no timeout, or one that \
         is too long. A peer that never closes would hold the thread and the descriptor. Give \
         each read what remains until the deadline as its timeout."
            .to_owned()
    })
}

pub(super) fn waits_for_a_talkative_peer(case: &Case) -> Option<String> {
    let has_returned = case.stuck.is_none() && !case.panicked;
    (has_returned || case.is_blocked_in(&HEARING)).then(|| {
        "A byte from time to time has held the call beyond its limit. Either it has no limit at \
         all, or a timeout that begins anew with each read. A deadline is one point in time: note \
         it first, compute what remains before each read, and return TimedOut when nothing does."
            .to_owned()
    })
}

pub(super) fn waits_for_a_deaf_peer(case: &Case) -> Option<String> {
    (hangs(case) && case.is_blocked_in(&[Call::Write])).then(|| {
        "Your thread is blocked in a write beyond its limit: both kernels' buffers are full, the \
         peer does not read, and the write has no timeout (SO_SNDTIMEO, `set_write_timeout`), or \
         one that is too long. Give each write what remains until the deadline."
            .to_owned()
    })
}

/// For a call that was late by a second write, or by many.
pub(super) const EACH_WRITE: &str = "A write that times out after it has written a part returns \
     how much, and is not an error. The next one (`write_all` makes it) begins the timeout again. \
     Write in a loop of your own, and compute what remains before each write.";

pub(super) fn waits_for_a_slow_peer(case: &Case) -> Option<String> {
    let has_returned = case.stuck.is_none() && !case.panicked;
    (has_returned || case.is_blocked_in(&[Call::Write, Call::Poll])).then(|| {
        format!(
            "A peer that reads a little from time to time has held the call beyond its limit. \
             {EACH_WRITE}"
        )
    })
}

pub(super) fn likely(case: &Case) -> Option<String> {
    case.panicked.then(|| {
        "No peer may make your code panic. A panic drops the stream, which closes it with bytes \
         unread. Return the error instead."
            .to_owned()
    })
}
