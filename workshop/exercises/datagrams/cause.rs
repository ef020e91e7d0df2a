//! What a call can do wrong, by what it sent or returned, and by where it waits.

use std::{
    io::{self, ErrorKind},
    net::UdpSocket,
    time::Duration,
};

use super::harness::{Got, Text, Wanted};

use crate::exam::{AMPLE, Call, Case, Stuck, diagnosis::SPINS};

const INTERRUPTED: &str = "A signal arrived during the wait, and the call returned EINTR: with a \
    timeout it is not restarted (signal(7)). Nothing has happened to the socket. Compute the rest \
    of the time, and wait again.";

/// For an error that was due and did not come before the limit.
const WAITS_AFTER_AN_ERROR: &str = "`send` or `recv` returned an error, and your code went on \
    until the limit. Propagate the error with `?`: the caller must know. Only a timeout and EINTR \
    are worth another try.";

/// For a call that returns long after its limit.
pub(super) const LATE: &str = "The call ends too late. Either the limit is left to a read timeout \
    (SO_RCVTIMEO), which starts again with each `recv`, and so with each datagram. Or the call \
    waits for a whole pause. The limit is a point in time: note it first, and look at the clock \
    after each `recv`.";

/// For a question that comes too late each time.
pub(super) const LATE_AGAIN: &str = "The question was sent again, but later than due, several \
    times. Either the pauses are longer than 50 ms, 100 ms and 200 ms, or your code waits for \
    something else between them. Compute the next time to send from the time of the last one.";

/// For pauses that are started again.
pub(super) const STARTS_THE_PAUSE_AGAIN: &str = "Each datagram that is dropped, or each signal, \
    starts the pause again: the question is sent too late, or never again. The time to send again \
    is a point in time. Note it when you send, and set what is left until then as the timeout \
    before each `recv`.";

/// For an answer that is returned late.
pub(super) const SLEEPS: &str = "The answer had arrived, and your code did not wait for it: it \
    sleeps, or waits for something else, until it is time to send again. Wait in `recv`, or in \
    poll, with that time as the timeout: both return as soon as a datagram arrives.";

/// For a limit of zero that takes time.
pub(super) const WAITS_FOR_ZERO: &str = "A limit of zero has passed immediately, and your code \
    waits all the same: for a first pause, or for a shortest timeout. Compare the clock with the \
    limit before you wait.";

/// For options that are left.
pub(super) const LEAVES_AN_OPTION: &str = "The caller lends you the socket, and an option that you \
    set stays on it after your call. It changes the caller's next `recv` or `send`, which may then \
    time out, or not wait at all. Read the option first, and set it again on each way out, after an error too.";

/// For a socket that has been bound or connected again.
pub(super) const CONNECTS_IT: &str = "The caller lends you the socket already connected to its \
                                      server. Do not connect it again, and do not disconnect it.";

/// For descriptors that are left.
pub(super) const KEEPS_A_DESCRIPTOR: &str = "`ask` has returned, and a descriptor that it has \
    opened is still open. Look for a clone (`try_clone`) or `mem::forget`. A program that leaks \
    one descriptor for each question eventually runs out.";

/// For a panic.
pub(super) const PANICS: &str = "Your code panicked. No datagram and no limit may cause a panic: a \
    datagram may have fewer bytes than a number, a difference of two times may be negative, and \
    `send` and `recv` return errors. Use `get`, `strip_prefix` and `saturating_sub`, and propagate \
    errors with `?`.";

/// For a panic with the longest limit.
pub(super) fn overflows(case: &Case) -> Option<String> {
    case.panicked.then(|| {
        "`Instant::now() + limit` overflows for a very large limit, and panics. Use `checked_add`: \
         without a result there is no deadline. Or compare `elapsed()` with the limit."
            .to_owned()
    })
}

/// What a call returned, and what it was to return.
pub(super) struct Instead<'a> {
    pub(super) wanted: Wanted<'a>,
    pub(super) got: &'a Got,
    pub(super) took: Duration,
    pub(super) limit: Duration,
    /// The question's.
    pub(super) number: &'a [u8],
}

impl Instead<'_> {
    /// The cause, if these allow one.
    pub(super) fn diagnose(&self, _: &Case) -> Option<String> {
        match (self.wanted, self.got) {
            (Wanted::Text(wanted), Ok(Text(got))) => {
                self.another_text(wanted, got).map(str::to_owned)
            }
            (_, Ok(_)) => Some(
                "A text was returned, although no answer has arrived. Return the error instead."
                    .to_owned(),
            ),
            (_, Err(error)) if error.kind() == ErrorKind::TimedOut => match self.wanted {
                _ if self.took < self.limit => Some(too_early(self.took, self.limit)),
                Wanted::Text(_) => None,
                _ => Some(WAITS_AFTER_AN_ERROR.to_owned()),
            },
            (_, Err(error)) => self.an_error(error.kind()).map(str::to_owned),
        }
    }

    fn another_text(&self, wanted: &[u8], got: &[u8]) -> Option<&'static str> {
        Some(if got.strip_prefix(self.number) == Some(wanted) {
            "The datagram was returned whole. Its first 4 bytes are the number, and not part of \
             the text: return the bytes after them."
        } else if got.len() > wanted.len()
            && got.starts_with(wanted)
            && got[wanted.len()..].iter().all(|byte| *byte == 0)
        {
            "The whole buffer was returned, with zeros that were not sent. `recv` returns n, the \
             number of bytes in the datagram. Use `&buf[..n]`."
        } else if got.len() < wanted.len() && wanted.starts_with(got) {
            "That is only the beginning of the text. `recv` removes a whole datagram from the \
             queue: bytes that do not fit into the buffer are lost. Use a buffer of 65 507 bytes, \
             the most that a datagram over IPv4 can have."
        } else {
            return None;
        })
    }

    /// An error was returned where a text, or another error, was due.
    fn an_error(&self, kind: ErrorKind) -> Option<&'static str> {
        let is_over = self.took >= self.limit;
        Some(match kind {
            ErrorKind::WouldBlock if is_over => {
                "WouldBlock is EAGAIN, which the kernel returns when a read timeout ends \
                 (socket(7), SO_RCVTIMEO). On Windows the kind is TimedOut. A caller should not \
                 need to know both: return TimedOut."
            }
            ErrorKind::WouldBlock => {
                "WouldBlock is EAGAIN: a read timeout has ended, and the limit has not passed. \
                 Send the question again, and wait again."
            }
            ErrorKind::InvalidInput => {
                "Most likely `set_read_timeout` got a duration of zero, which it refuses with \
                 InvalidInput. Zero means that the point in time has passed. Look at the clock \
                 first."
            }
            ErrorKind::UnexpectedEof => {
                "UDP has no end of file. A datagram of 0 bytes is a datagram like any other: drop \
                 it, and wait on."
            }
            ErrorKind::Interrupted => INTERRUPTED,
            _ if !matches!(self.wanted, Wanted::Text(_)) => {
                "The call fails, as it should, but the error has another kind. The caller decides \
                 by the kind what to do."
            }
            _ => return None,
        })
    }
}

/// Why another datagram than this was sent.
pub(super) fn other_bytes(question: &[u8], came: &[u8]) -> Option<String> {
    let (number, request) = question.split_at(4);
    let backwards: Vec<u8> = number.iter().rev().copied().collect();
    Some(
        if came == request {
            "The number is missing. Without it a client cannot match an answer to its question. \
         Put the number first, as `to_be_bytes`."
        } else if came == number {
            "The request is missing. Each `send` makes a datagram of its own: put the number and \
         the request into one buffer first."
        } else if came.strip_prefix(&backwards[..]) == Some(request) {
            "The bytes of the number are in the wrong order, the lowest first. On the wire the \
         highest comes first (RFC 791, appendix B). Use `to_be_bytes`."
        } else if came.ends_with(request) {
            "The text is right. The bytes before it are not the number in 4 bytes: use \
             `to_be_bytes` of a u32."
        } else {
            return None;
        }
        .to_owned(),
    )
}

/// The question did not arrive, or not again.
pub(super) struct Silence {
    /// Whether it had arrived before.
    pub(super) heard: bool,
    /// Whether the call has ended.
    pub(super) ended: bool,
    /// With which error.
    pub(super) error: Option<ErrorKind>,
    pub(super) limit: Duration,
}

/// Why nothing is sent.
pub(super) fn not_sent(silence: &Silence, case: &Case) -> Option<String> {
    if case.panicked {
        return Some(PANICS.to_owned());
    }
    let cause = if silence.error == Some(ErrorKind::Interrupted) {
        INTERRUPTED
    } else if silence.error == Some(ErrorKind::TimedOut) && silence.limit > AMPLE {
        return Some(format!(
            "`ask` has returned TimedOut, and its limit of {:?} has not passed. Most likely your \
             code puts it into a number that cannot hold it (`as u64`, `as u32`, `as i32`), or a \
             sum with it wraps around. `checked_add` of an Instant returns None where there is no \
             such time: then there is no deadline. Or compare `elapsed()` with the limit.",
            silence.limit
        ));
    } else if silence.ended {
        "`ask` has returned, and its limit has not passed. Only an answer, an error of the kernel \
         or the limit ends the call. Do not count tries."
    } else if matches!(case.stuck, Some(Stuck::Spin(..))) {
        "Your thread runs again and again while nothing arrives, and has not sent the question. \
         Wait in `recv`, with the time until the question is to be sent as its timeout."
    } else if case.is_blocked_in(&[Call::Read]) && !silence.heard {
        "Your thread waits in `recv` before it has sent the question. Send first."
    } else if case.is_blocked_in(&[Call::Read]) {
        "Your thread waits in `recv` for an answer that will not arrive: the question or the \
         answer was lost, and UDP does not report that. Set a read timeout, and send again when it \
         ends."
    } else if case.is_running() {
        return None;
    } else {
        "Your thread waits, and nothing is sent. Let the wait end when it is time to send again."
    };
    Some(cause.to_owned())
}

/// Why the call does not return, by where it waits.
pub(super) fn hangs(socket: &UdpSocket, case: &Case) -> Option<String> {
    if matches!(case.stuck, Some(Stuck::Spin(..))) {
        return SPINS.of(case);
    }
    let queued = case.yours()?.row.recv_q > 0;
    let cause = match socket.read_timeout() {
        _ if queued => {
            "A datagram has arrived and is unread in Recv-Q: your code waits for something else. \
             Wait for the socket, in `recv` or in poll."
        }
        Ok(None) if case.is_blocked_in(&[Call::Read]) => {
            "Your code has read all datagrams (Recv-Q is 0), and waits in `recv` without a read \
             timeout: it returns only when another datagram arrives. Set the time to the next \
             event as the timeout."
        }
        _ => {
            "Your code has read all datagrams (Recv-Q is 0): either it dropped the answer, or \
             nothing ends the wait."
        }
    };
    Some(cause.to_owned())
}

/// Why it does not end at the limit although nothing arrives.
pub(super) fn goes_on(timeout: &io::Result<Option<Duration>>, case: &Case) -> Option<String> {
    match timeout {
        Ok(Some(_)) if !case.panicked => Some(
            "The limit has passed, and your code waits again and again, each time with a timeout. \
             Note the limit as a point in time first, and return TimedOut when the clock has \
             passed it."
                .to_owned(),
        ),
        _ => without_end(timeout, case),
    }
}

/// Why it does not end at the limit, by the read timeout that its socket had then.
pub(super) fn without_end(timeout: &io::Result<Option<Duration>>, case: &Case) -> Option<String> {
    if case.panicked {
        return Some(PANICS.to_owned());
    }
    Some(match timeout {
        Ok(None) => "The socket has no read timeout, and nothing else ends the wait at the limit. \
                     Set the time to the limit as the read timeout before each `recv`."
            .to_owned(),
        Ok(Some(_)) => "A read timeout (SO_RCVTIMEO) starts again with each `recv`, and so with \
                        each datagram: while others arrive, it never ends. The limit is a point in \
                        time: note it first, and look at the clock after each `recv`."
            .to_owned(),
        Err(_) => return None,
    })
}

/// Why the question came again too early, this often in all.
pub(super) fn early(times: usize) -> String {
    match times {
        ..3 => {
            "The question was sent again before 50 ms had passed. Either the pause is too short, \
             or something else ends it: a datagram that is not the answer, a signal, or an error. \
             Only the clock may end a pause: send when its time has come."
        }
        _ => {
            "The question was sent again too early. Either the pauses do not double (50 ms, 100 \
             ms, 200 ms, and so on, without a longest one), or something else ends them, such as a \
             datagram that is dropped or a signal. A lost datagram may have met a full buffer, and \
             a client that sends as fast as before keeps it full (RFC 8085, 3.1.1). Double the \
             pause each time you send. Only the clock may end a pause."
        }
    }
    .to_owned()
}

/// Why a call has returned TimedOut before its deadline.
pub(super) fn too_early(took: Duration, limit: Duration) -> String {
    if limit.saturating_sub(took) < Duration::from_millis(2) {
        return format!(
            "`ask` returned after {} of a limit of {limit:?}. Either the limit or a timeout is \
             rounded down to whole milliseconds (`as_millis`), or the limit is computed wrongly. \
             Compare the clock with the limit after each wait.",
            in_ms(took)
        );
    }
    format!(
        "`ask` returned after {} of a limit of {limit:?}. Either the limit is computed wrongly, or \
         your code treats something else as its end: the end of a pause, a number of tries, or an \
         error. Compare the clock with the limit.",
        in_ms(took)
    )
}

/// `53 ms`.
pub(super) fn in_ms(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}
