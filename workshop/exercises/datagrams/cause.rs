//! What follows from what a call sent or returned instead of what it was to, whatever the check; and from
//! where it waits.

use std::{
    io::{self, ErrorKind},
    net::UdpSocket,
    time::Duration,
};

use super::call::{Got, Text, Wanted};

use crate::exam::{Call, Case, Stuck};

const INTERRUPTED: &str = "A signal came while it waited, and the call ended with EINTR: with a timeout \
    it is not restarted (signal(7)). The socket is as it was: compute what remains, and wait on.";

/// For a call that has returned when its limit had long passed.
pub(super) const LATE: &str = "It ends, but late. Either a read timeout (SO_RCVTIMEO) is to tell the limit, \
    and that begins anew with each `recv`, and so with each datagram that comes; or a whole pause is waited \
    for. The limit is a point in time: note it first, and look at the clock whatever has come.";

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
    pub(super) fn likely(&self, _: &Case) -> Option<String> {
        match (self.wanted, self.got) {
            (Wanted::Text(wanted), Ok(Text(got))) => self.another_text(wanted, got).map(str::to_owned),
            (_, Ok(_)) => Some(
                "No answer has come, and yet a text was returned: the error that says so was passed over."
                    .to_owned(),
            ),
            (_, Err(error)) if error.kind() == ErrorKind::TimedOut => {
                Some(too_early(self.took, self.limit))
            }
            (_, Err(error)) => self.an_error(error.kind()).map(str::to_owned),
        }
    }

    fn another_text(&self, wanted: &[u8], got: &[u8]) -> Option<&'static str> {
        Some(if got.strip_prefix(self.number) == Some(wanted) {
            "The number is there to tell answers apart, and no part of the text: it is the datagram's first \
             4 bytes."
        } else if got.len() > wanted.len()
            && got.starts_with(wanted)
            && got[wanted.len()..].iter().all(|byte| *byte == 0)
        {
            "There are zeros that nobody sent: the whole buffer was taken. `recv` returns n, how many bytes \
             have come: use `&buf[..n]`."
        } else if got.len() < wanted.len() && wanted.starts_with(got) {
            "That is only the beginning. A `recv` takes a whole datagram from the socket: what the buffer \
             has no room for is lost, and no later `recv` brings it. A datagram of IPv4 has up to 65 507 \
             bytes."
        } else {
            return None;
        })
    }

    /// An error was returned where a text, or another error, was due.
    fn an_error(&self, kind: ErrorKind) -> Option<&'static str> {
        let is_over = self.took >= self.limit;
        Some(match kind {
            ErrorKind::WouldBlock if is_over => {
                "WouldBlock is EAGAIN, the kernel's word for a read timeout that ran out (socket(7), \
                 SO_RCVTIMEO); on Windows it is TimedOut. A caller should not need to know both: return \
                 TimedOut."
            }
            ErrorKind::WouldBlock => {
                "WouldBlock is EAGAIN: a read timeout ran out, and there was time left. Then it is time to \
                 send again, and to wait again."
            }
            ErrorKind::InvalidInput => {
                "Most likely `set_read_timeout` was given what remains when nothing does: it refuses a \
                 duration of zero with InvalidInput. Zero means that a point in time has passed: look at \
                 the clock first."
            }
            ErrorKind::UnexpectedEof => {
                "UDP has no end of file: a datagram of 0 bytes is a datagram, like any other."
            }
            ErrorKind::Interrupted => INTERRUPTED,
            _ if !matches!(self.wanted, Wanted::Text(_)) => {
                "It has failed, as it should, but by another name. A caller tells the cases apart by these."
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
            "The number is missing: nobody could tell whose answer an answer is."
        } else if came == number {
            "The request is missing: a datagram is all that one `send` is given. Put the number and the \
             request into one buffer first."
        } else if came.strip_prefix(&backwards[..]) == Some(request) {
            "The number's bytes are in the other order, the lowest first. On the wire the highest comes \
             first (RFC 791, appendix B): `to_be_bytes`."
        } else if came.ends_with(request) {
            "The text is right; what stands before it is not the number in 4 bytes."
        } else {
            return None;
        }
        .to_owned(),
    )
}

/// The question did not come, or not again.
pub(super) struct Silence {
    /// Whether it had come before.
    pub(super) heard: bool,
    /// Whether the call has ended.
    pub(super) ended: bool,
    /// With which error.
    pub(super) error: Option<ErrorKind>,
}

/// Why nothing is sent.
pub(super) fn not_sent(silence: &Silence, case: &Case) -> Option<String> {
    if case.panicked {
        return Some(panicked().to_owned());
    }
    if silence.error == Some(ErrorKind::Interrupted) {
        return Some(INTERRUPTED.to_owned());
    }
    if silence.ended {
        return Some(
            "It has returned, and its limit has not passed. Only an answer, an error of the kernel's or the \
             clock ends the wait. A number of tries is no limit."
                .to_owned(),
        );
    }
    Some(
        if matches!(case.stuck, Some(Stuck::Spin(..))) {
            "Your thread runs and sends nothing: a loop in which neither the clock nor a datagram ends the \
             wait."
        } else if case.is_blocked_in(&[Call::Read]) && !silence.heard {
            "Your thread waits in `recv`, but there is nothing to wait for before something has been sent."
        } else if case.is_blocked_in(&[Call::Read]) {
            "Your thread waits in `recv`, for an answer that will not come: the question was lost, or the \
             answer. UDP does not say so. Whoever waits must give up after a while, and send again."
        } else if case.is_running() {
            return None;
        } else {
            "Your thread waits, but nothing is sent: whatever it waits in must end when it is time to send \
             again."
        }
        .to_owned(),
    )
}

/// Why the call does not return, by where it waits.
pub(super) fn hangs(socket: &UdpSocket, case: &Case) -> Option<String> {
    if matches!(case.stuck, Some(Stuck::Spin(..))) {
        return Some(
            "Your thread runs and waits for nothing: a loop that does not look at the clock, or at what has \
             come."
                .to_owned(),
        );
    }
    let queued = case.yours()?.row.recv_q > 0;
    let cause = match socket.read_timeout() {
        _ if queued => {
            "What it waits for has come, and stands in Recv-Q: nobody takes it. A wait for an answer must be \
             a wait for the socket."
        }
        Ok(None) if case.is_blocked_in(&[Call::Read]) => {
            "All that has come has been taken (Recv-Q is 0), and the socket has no read timeout: the `recv` \
             in which it waits ends when something comes, and not before."
        }
        _ => {
            "All that has come has been taken (Recv-Q is 0): what it waits for was dropped, or nothing ends \
             the wait."
        }
    };
    Some(cause.to_owned())
}

/// Why it does not end at the limit, by the read timeout that its socket had then.
pub(super) fn without_end(timeout: &io::Result<Option<Duration>>, case: &Case) -> Option<String> {
    if case.panicked {
        return Some(panicked().to_owned());
    }
    Some(match timeout {
        Ok(None) => "The socket has no read timeout, and nothing else ends the wait: the limit is not looked \
                     at."
            .to_owned(),
        Ok(Some(_)) => "A read timeout (SO_RCVTIMEO) begins anew with each `recv`, and so with each datagram \
                        that comes: while others come, it never runs out. The limit is a point in time: note \
                        it first, and look at the clock whatever has come."
            .to_owned(),
        Err(_) => return None,
    })
}

/// Why the question came again too early, this often in all.
pub(super) fn early(times: usize) -> String {
    match times {
        ..3 => {
            "It was sent again before its 50 ms were over. Either the pause is too short, or something else \
             ends it: a datagram that is not the answer, a signal, or an error. Only the clock does."
        }
        _ => {
            "The pauses do not grow as they should: 50 ms, then 100, then 200, each twice the one before; or \
             something ends them, a datagram that is not the answer for one. Only the clock does. What is \
             lost may have found a full buffer; who sends again as fast as before keeps it full (RFC 8085, \
             3.1.1)."
        }
    }
    .to_owned()
}

/// Why the question comes too late each time.
pub(super) fn late() -> String {
    "It was sent again, but later than that, several times over. Either the pauses are longer than 50 ms, \
     100 ms and 200 ms, or something else is waited for between them."
        .to_owned()
}

/// Why a call has panicked.
pub(super) fn panicked() -> &'static str {
    "Whatever comes, it is no reason to panic. A datagram may have fewer bytes than a number: a slice of \
     bytes that are not there panics, and so does a `Duration` that would be negative, or an `unwrap` of an \
     error."
}

/// Why a call has given up before its deadline.
pub(super) fn too_early(took: Duration, limit: Duration) -> String {
    format!(
        "It gave up after {}, of a limit of {limit:?}. Either the limit is counted wrong, or something \
         else is taken for its end: a pause that is over, a number of tries, an error. Only the clock tells.",
        in_ms(took)
    )
}

/// `53 ms`.
pub(super) fn in_ms(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}
