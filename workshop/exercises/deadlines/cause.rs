//! What follows from what a call returned instead of what it was to return, whatever the check; and
//! from where it waits when its deadline has passed.

use std::{io::ErrorKind, net::TcpStream, time::Duration};

use socket_workshop::table::State;

use super::call::{Got, Wanted};

use crate::exam::{Call, Case, Stuck};

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
    pub(super) fn likely(&self, case: &Case) -> Option<String> {
        match (self.wanted, self.got) {
            (Ok(wanted), Ok(got)) => another_line(wanted, got).map(str::to_owned),
            (Err(wanted), Ok(got)) => self.a_line(wanted, got),
            (_, Err(ErrorKind::TimedOut)) => Some(too_early(self.took, self.limit)),
            (Ok(line), Err(ErrorKind::FileTooLarge)) => Some(format!(
                "The line has {} bytes, and max is {}. What counts is the bytes in front of the newline: \
                 not the newline, and nothing behind it.",
                line.len(),
                self.max
            )),
            (_, Err(kind)) => self.an_error(*kind, case).map(str::to_owned),
        }
    }

    /// A line was returned where an error was due.
    fn a_line(&self, wanted: ErrorKind, line: &str) -> Option<String> {
        let cause = match wanted {
            ErrorKind::TimedOut if line.is_empty() => {
                "Not even a newline had come, and an empty line was returned. Is an error of `read` passed \
                 over? It says that nothing has been read."
            }
            ErrorKind::TimedOut => {
                "Some bytes had come, but no newline: what one read brought, or what was there when the \
                 time was over, is no line."
            }
            ErrorKind::FileTooLarge if line.len() <= self.max => {
                "The first bytes of a line that is too long were returned as a line. Nobody has sent that \
                 line, and the rest of it would be taken for the next one."
            }
            ErrorKind::FileTooLarge => {
                return Some(format!(
                    "This line has {} bytes, and max is {}. Either nothing compares the two, or it allows \
                     too many.",
                    line.len(),
                    self.max
                ));
            }
            _ => return None,
        };
        Some(cause.to_owned())
    }

    /// An error was returned where a line, or another error, was due.
    fn an_error(&self, kind: ErrorKind, case: &Case) -> Option<&'static str> {
        let is_over = self.took >= self.limit;
        Some(match kind {
            ErrorKind::WouldBlock if is_over => {
                "WouldBlock is EAGAIN, the kernel's word for a read timeout that ran out (socket(7), \
                 SO_RCVTIMEO); on Windows it is TimedOut. A caller should not need to know both: match \
                 both, and return TimedOut."
            }
            ErrorKind::WouldBlock => {
                "WouldBlock is EAGAIN, and there was time left: the socket is non-blocking, or its read \
                 timeout is shorter than what remains. When a wait ends early, look at the clock, and \
                 wait again."
            }
            ErrorKind::InvalidInput if self.wanted == Err(ErrorKind::TimedOut) => {
                "Most likely `set_read_timeout` was given what remains when nothing does: it refuses a \
                 duration of zero with InvalidInput. Zero means that the deadline has passed: return \
                 TimedOut instead of asking for it."
            }
            ErrorKind::UnexpectedEof if case.is_in(State::Established) => {
                "There is no end of file: nobody has closed, both ends are ESTABLISHED. End of file is \
                 Ok(0) of a read that has room for bytes. An error of `read` is none; and an empty buffer, \
                 or a `take` that is used up, gives Ok(0) too."
            }
            ErrorKind::Interrupted => {
                "A signal came while it waited, and the call ended with EINTR: with a timeout it is not \
                 restarted (signal(7)). The connection is as it was: compute what remains, and wait on."
            }
            _ if self.wanted.is_err() => {
                "It has failed, as it should, but by another name. A caller tells the cases apart by their \
                 ErrorKind."
            }
            _ => return None,
        })
    }
}

/// Why another line than this was returned, as far as the two of them tell.
fn another_line(wanted: &str, got: &str) -> Option<&'static str> {
    Some(if got.strip_suffix('\n') == Some(wanted) {
        "The newline ends the line and is no part of it: take it off."
    } else if got.contains('\0') {
        "There are zeros that nobody sent: the whole buffer was taken. `read` and `peek` return n, how \
         many bytes they have put there: use `&buf[..n]`."
    } else if got.contains('\n') {
        "One read can bring more than a line: TCP is a stream of bytes and keeps no lines apart. Stop \
         behind the first newline."
    } else if got.contains(char::REPLACEMENT_CHARACTER) {
        "A replacement character that nobody sent: `from_utf8_lossy`, of bytes that are not yet the \
         whole line. Put the bytes together first, then make text of them."
    } else if got.trim() == wanted.trim() {
        "Only the newline is taken off: `trim` takes spaces too, `lines` and `trim_end` a `\\r`, and \
         these may be meant."
    } else if got.is_empty() {
        return None;
    } else if wanted.starts_with(got) {
        "That is only the line's beginning. If it is what one read brought: how the bytes are cut into \
         pieces says nothing. The line ends at its newline, so read on until that comes."
    } else if wanted.ends_with(got) {
        "The beginning is missing: what an earlier read had brought was not kept. Put the pieces together, \
         also where a signal comes between them."
    } else {
        return None;
    })
}

/// Why a call has panicked that was to return this.
pub(super) fn panicked(wanted: Wanted) -> &'static str {
    match wanted {
        Err(ErrorKind::TimedOut) => {
            "It panicked where it should have timed out. If it was an overflow: a `Duration` is never \
             negative, and where more time has passed than the limit is, `limit - passed` panics. \
             `saturating_sub` gives zero then, `checked_sub` None: that is when to return TimedOut."
        }
        _ => "Whatever a peer sends or does, it is no reason to panic: return an error instead.",
    }
}

/// Why a call has given up before its deadline.
pub(super) fn too_early(took: Duration, limit: Duration) -> String {
    format!(
        "It gave up after {took:.0?}, of a limit of {limit:?}. Either the limit is counted wrong (in \
         another unit, or a part of it twice), or something else is taken for its end: an error, a \
         wait that is over. Only the clock tells."
    )
}

/// Why a call goes on after its deadline, by where it waits and what the socket has been told.
pub(super) fn without_end(stream: &TcpStream, limit: Duration, case: &Case) -> Option<String> {
    if matches!(case.stuck, Some(Stuck::Spin(..))) {
        return Some(
            "Your thread runs and waits for nothing: it does not look at the clock, or does not stop when \
             the deadline has passed."
                .to_owned(),
        );
    }
    if case.is_blocked_in(&[Call::Poll, Call::Sleep, Call::Lock])
        && !case.is_blocked_in(&[Call::Read])
    {
        return Some(
            "It waits, but not in a read: whatever it waits in (`kernel` says in what) must end by the \
             deadline too. Give it what remains until then, computed anew before each wait."
                .to_owned(),
        );
    }
    match stream.read_timeout() {
        Ok(Some(timeout)) => Some(format!(
            "The socket's read timeout (SO_RCVTIMEO) is {timeout:?}, of a limit of {limit:?}. It begins \
             anew with each read: every byte that comes, and every read after one that timed out, puts \
             the end off. A deadline is one point in time: note it first, compute what remains before \
             each read, and give up when nothing does."
        )),
        _ if case.is_blocked_in(&[Call::Read]) => Some(
            "The socket has no read timeout (SO_RCVTIMEO): a read on it waits until something comes, \
             however late it is by then. A look at the clock before or after it does not end it; the \
             read itself needs a limit: what remains until the deadline."
                .to_owned(),
        ),
        _ => None,
    }
}
