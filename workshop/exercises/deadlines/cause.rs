//! What follows from what a call returned instead of what it was to return, whatever the check; and
//! from where it waits when its deadline has passed.

use std::{io::ErrorKind, net::TcpStream, time::Duration};

use socket_workshop::table::State;

use super::harness::{Got, Wanted};

use crate::exam::{
    Call, Case, Stuck,
    diagnosis::{PANICS_ON_INPUT, RETURNS_AT_A_SIGNAL, SPINS, first_of},
    problems,
};

/// What a call returned, and what it was to return.
pub(super) struct Instead<'a> {
    pub(super) wanted: Wanted<'a>,
    pub(super) got: &'a Got,
    pub(super) took: Duration,
    pub(super) limit: Duration,
    pub(super) max: usize,
}

impl Instead<'_> {
    /// The cause, if these allow one.
    pub(super) fn diagnose(&self, case: &Case) -> Option<String> {
        match (self.wanted, self.got) {
            (Ok(wanted), Ok(got)) => another_line(wanted, got).map(str::to_owned),
            (Err(wanted), Ok(got)) => self.a_line(wanted, got),
            (_, Err(ErrorKind::TimedOut)) if self.took < self.limit => {
                Some(too_early(self.took, self.limit))
            }
            (Ok(line), Err(ErrorKind::FileTooLarge)) => Some(format!(
                "The line has {} bytes, and max is {}. Only the bytes before the newline count: \
                 not the newline, and nothing after it. If your buffer is full and the line has \
                 not reached max, keep what you have and read on.",
                line.len(),
                self.max
            )),
            (_, Err(kind)) => self.an_error(*kind, case),
        }
    }

    /// A line was returned where an error was due.
    fn a_line(&self, wanted: ErrorKind, line: &str) -> Option<String> {
        let cause = match wanted {
            ErrorKind::TimedOut if self.limit.is_zero() => {
                "A limit of zero has passed when the call begins, and your code returned a line. \
                 Compare the clock with the deadline before each read, the first too, and not only \
                 when a read has timed out."
            }
            ErrorKind::TimedOut if line.is_empty() => {
                "No newline has come, and your code returned an empty line. Does it ignore an \
                 error of `read`? After an error nothing has been read: check its kind, and return \
                 TimedOut once the deadline has passed."
            }
            ErrorKind::TimedOut => {
                "Bytes have come, but no newline, and your code returned them as a line. Return \
                 TimedOut: only a newline ends a line."
            }
            ErrorKind::FileTooLarge if line.len() <= self.max => {
                "Your code returned the first bytes of a line that is too long. The client did not \
                 send that line, and the rest of it would be read as the next one. Return \
                 FileTooLarge."
            }
            ErrorKind::FileTooLarge => {
                return Some(format!(
                    "This line has {} bytes, and max is {}. Your code does not compare the two, \
                     counts something else, such as characters, or accepts one byte too many. \
                     Return FileTooLarge when byte max + 1 is not a newline.",
                    line.len(),
                    self.max
                ));
            }
            _ => return None,
        };
        Some(cause.to_owned())
    }

    /// An error was returned where a line, or another error, was due.
    fn an_error(&self, kind: ErrorKind, case: &Case) -> Option<String> {
        let is_over = self.took >= self.limit;
        let cause = match kind {
            ErrorKind::WouldBlock if is_over => {
                "A read timeout has expired, which Linux reports as EAGAIN (WouldBlock; socket(7), \
                 SO_RCVTIMEO), and Windows as TimedOut. When the deadline has passed, return \
                 TimedOut instead."
            }
            ErrorKind::WouldBlock => {
                "WouldBlock means that one read has ended, not that the deadline has passed: the \
                 socket is non-blocking, or its read timeout is shorter than the time that \
                 remains. Compare the clock with the deadline, and wait again."
            }
            ErrorKind::InvalidInput if self.wanted == Err(ErrorKind::TimedOut) => {
                "Most likely your code passed a duration of zero to `set_read_timeout`, which \
                 refuses it with InvalidInput. When no time remains, return TimedOut before you \
                 set a timeout."
            }
            ErrorKind::InvalidInput => {
                "Most likely your code passed a duration of zero to `set_read_timeout`, which \
                 refuses it with InvalidInput. Compute the remaining time from the deadline, in a \
                 `Duration`."
            }
            ErrorKind::UnexpectedEof if case.is_in(State::Established) => {
                "Both ends are ESTABLISHED: the client has not sent end of file. End of file is \
                 Ok(0) from a read that has room for bytes. An error of `read` is not end of file. \
                 A read into an empty buffer, from a `take` that is used up, or after a `shutdown` \
                 of your own returns Ok(0) too."
            }
            ErrorKind::UnexpectedEof if self.wanted.is_ok() => return unread_before_the_end(case),
            ErrorKind::Interrupted => return first_of(&[RETURNS_AT_A_SIGNAL], case),
            ErrorKind::InvalidData if self.wanted == Err(ErrorKind::FileTooLarge) => {
                "The line is too long, so your code must not judge its characters: one of them may \
                 be cut at max. Compare the length with max first."
            }
            ErrorKind::FileTooLarge if self.wanted == Err(ErrorKind::TimedOut) && is_over => {
                "The deadline had passed before byte max + 1 came, and your code went on reading. \
                 Compare the clock with the deadline before each read, and return TimedOut when \
                 nothing remains."
            }
            _ if self.wanted.is_err() => {
                "Your code fails, as it should, but the error has another kind. The caller decides \
                 by the ErrorKind what to do next: return the kind that the rule names."
            }
            _ => return None,
        };
        Some(cause.to_owned())
    }
}

/// Why another line than this was returned, as far as the two of them show.
fn another_line(wanted: &str, got: &str) -> Option<&'static str> {
    let is_text = !wanted.contains('\0');
    Some(if got.strip_suffix('\n') == Some(wanted) {
        "The newline ends the line and is not part of it: remove it."
    } else if is_text && got.contains('\0') {
        "The line has zeros that the client did not send: your code used the whole buffer. `read` \
         and `peek` return n, the number of bytes they have put there. Use `&buf[..n]`."
    } else if got.contains('\n') {
        "One read can bring more than one line: TCP is a stream of bytes, without boundaries. Stop \
         after the first newline."
    } else if got.contains(char::REPLACEMENT_CHARACTER) {
        "The line has a replacement character that the client did not send: `from_utf8_lossy` was \
         applied to a part of the line. Join all its bytes first, then convert them."
    } else if wanted.strip_prefix('\u{feff}') == Some(got) {
        "Your code removed the bytes EF BB BF at the beginning, which are a byte order mark in some \
         files. In a line they are a character like any other: remove the newline and nothing else."
    } else if got.trim() == wanted.trim() {
        "Your code removed more than the newline. `trim` removes spaces, `lines` and `trim_end` \
         remove a `\\r`: they may be part of the line. Use `strip_suffix('\\n')`."
    } else if got.is_empty() {
        return None;
    } else if wanted.starts_with(got) {
        "Your code returned only the beginning of the line. Either it treats the bytes of one read \
         as a line, or it stops at a byte that is not a newline. Read until the newline comes."
    } else if wanted.ends_with(got) {
        "The beginning of the line is missing: your code did not keep what an earlier read \
         returned. Append each piece to one buffer, also after a signal or a timeout."
    } else if got.len() < wanted.len() {
        "Bytes are missing within the line: your code dropped a byte that it treats as special, or \
         a piece that an earlier read returned. Append every byte before the newline to one buffer."
    } else {
        return None;
    })
}

/// An end of file was returned instead of the line before it.
fn unread_before_the_end(case: &Case) -> Option<String> {
    let row = &case.yours()?.row;
    let queued = row.recv_q.saturating_sub(1); // the FIN counts as one byte (tcp_diag)
    let is_left = row.state == State::CloseWait && queued > 0;
    is_left.then(|| {
        format!(
            "The peer has closed its half, but the line is still in Recv-Q, and your code did not \
             read it: {queued} bytes and the FIN. POLLRDHUP (EPOLLRDHUP) says that a FIN has come. \
             It does not say that nothing is left to read. Read first: end of file is Ok(0) from \
             `read` or `peek`, and it comes after all bytes."
        )
    })
}

/// Why a call has ended before its deadline.
pub(super) fn too_early(took: Duration, limit: Duration) -> String {
    format!(
        "Your code stopped waiting after {took:.1?}, and the limit is {limit:?}. Either it \
         converts the limit to another unit and loses a part of it, or it treats something else as \
         the deadline: an error, or one wait that has ended. Compare `Instant::now()` with the \
         deadline."
    )
}

/// Why a call goes on after its deadline, by where it waits and what the socket has been told.
pub(super) fn without_end(stream: &TcpStream, limit: Duration, case: &Case) -> Option<String> {
    if matches!(case.stuck, Some(Stuck::Spin(..))) {
        return first_of(&[SPINS], case);
    }
    if case.is_blocked_in(&[Call::Poll, Call::Sleep, Call::Lock])
        && !case.is_blocked_in(&[Call::Read])
    {
        return Some(
            "Your code waits, but not in a read (see `kernel`). That wait must end at the deadline \
             too: compute the time that remains before each wait, and pass it on."
                .to_owned(),
        );
    }
    match stream.read_timeout() {
        Ok(Some(timeout)) if timeout < limit => Some(format!(
            "The socket's read timeout (SO_RCVTIMEO) is {timeout:?}, and the limit of {limit:?} \
             has passed. Either your code computes the deadline again during the call, or it looks \
             at the clock only when a read has timed out. Compute one deadline at the start of the \
             call. Compare the clock with it before each read, and return TimedOut when nothing \
             remains."
        )),
        Ok(Some(timeout)) => Some(format!(
            "The socket's read timeout (SO_RCVTIMEO) is {timeout:?}, and the limit is {limit:?}. \
             The timeout starts again with each read, so every byte, every signal and every retry \
             extends the wait. Compute one deadline at the start of the call. Before each read set \
             the timeout to what remains, and return TimedOut when nothing does. `read_exact` and \
             `read_until` read again after a signal, with the timeout that was set before: use \
             `read` or `peek`, and handle Interrupted."
        )),
        _ if case.is_blocked_in(&[Call::Read]) => Some(
            "The socket has no read timeout (SO_RCVTIMEO), so the read waits until something \
             comes. A look at the clock before or after it does not end it. Set a read timeout to \
             what remains until the deadline."
                .to_owned(),
        ),
        _ => None,
    }
}

/// Why a call has panicked.
pub(super) fn panicked(max: usize, case: &Case) -> Option<String> {
    let overflows = problems()
        .iter()
        .any(|problem| problem.message.contains("overflow"));
    match max {
        usize::MAX if overflows => Some(
            "`max` may be `usize::MAX`: `max + 1` overflows, and no memory is large enough for \
             `max` bytes. Use `saturating_add`, or compare `line.len()` with `max` before you \
             append a byte, and allocate for what has come."
                .to_owned(),
        ),
        _ => first_of(&[PANICS_ON_INPUT], case),
    }
}

/// A call that something happens to again and again has returned TimedOut, but late.
pub(super) const WAITS_TOO_LONG_AGAIN: &str = "Your code returned after its deadline: one of its \
    waits was given more time than remained. Most likely something ended a wait (a byte, or a \
    signal), and the next one was given the whole limit again, or a timeout that was computed \
    before. Compute one deadline at the start of the call. Compute what remains until then before \
    each wait, also when a wait is made again after EINTR.";

/// A call was late that is in time while bytes come one by one.
pub(super) const TAKES_WHAT_IS_THERE: &str = "Bytes were there all the time, so that no read had \
    to wait, and your code went on after the deadline. Most likely it looks at the clock only when \
    nothing is there. Compare the clock with the deadline before each read.";

/// Why a call goes on that has read more than a line may have.
pub(super) fn waits_beyond_max(max: usize, case: &Case) -> Option<String> {
    let is_read = case.yours()?.row.recv_q == 0 && case.is_blocked_in(&[Call::Read, Call::Poll]);
    is_read.then(|| {
        format!(
            "Your code has read all that came (Recv-Q is 0), more than the {max} bytes that the \
             line may have, and waits for more. If you compare the length with max only when the \
             newline comes, a client that sends none decides how much memory you use. Compare them \
             after each read, before you wait again."
        )
    })
}
