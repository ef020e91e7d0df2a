//! What a writer of requests can do wrong, by what the kernel holds, how many segments came, and where
//! its thread waits.

use std::net::TcpStream;

use socket_workshop::table::{Row, State};
use socket2::SockRef;

use crate::exam::{Awaited, Call, Case};

/// A request that came in several segments.
pub(super) struct Pieces {
    pub(super) segments: u32,
    pub(super) bytes: usize,
    pub(super) no_delay: bool,
}

impl Pieces {
    pub(super) fn cause(&self) -> String {
        let writes = if self.bytes > 4096 {
            "a BufWriter with less room than the request makes several: one of what it has, and one of \
             what does not fit"
        } else {
            "`write!` makes one for each piece of its format, unless it writes to a buffer"
        };
        let waits = if self.no_delay {
            "With TCP_NODELAY each write is a segment"
        } else {
            "Each write may become a segment, and Nagle's algorithm holds the second back until the first is \
             acknowledged"
        };
        format!(
            "Everything before it was acknowledged, and it fits into one segment: it was given to the \
             kernel in several writes ({writes}). {waits}. Put the whole request together first, and \
             make one write of it."
        )
    }
}

/// Why bytes that the kernel has are not sent, when what was sent before is being waited for or not.
pub(super) fn held_back(row: &Row, stream: &TcpStream) -> String {
    let held = row.unsent.unwrap_or(0);
    let sent = row.send_q.saturating_sub(held);
    let corked = SockRef::from(stream).tcp_cork().unwrap_or(false);
    if corked {
        "TCP_CORK is set: the kernel waits for more to fill the segment with, 200 ms at the most. It is \
         sent when the option is turned off."
            .to_owned()
    } else if sent == 0 {
        "No ACK is waited for: the kernel has been told that more is to come (MSG_MORE), and nothing \
         came. It waits 200 ms for it. A write of no bytes at all pushes nothing: say MSG_MORE only if \
         there is more."
            .to_owned()
    } else if stream.nodelay().unwrap_or(false) {
        "TCP_NODELAY is set, so it is not Nagle's algorithm that holds them back. Either the kernel has \
         been told that more is to come (MSG_MORE), and nothing came; or the request is cut into so many \
         segments that congestion control lets no more go before the first is acknowledged."
            .to_owned()
    } else {
        format!(
            "The request was written in pieces. The first {sent} bytes are sent and not acknowledged, \
             and as long as that is so, Nagle's algorithm holds the other {held} back: a small segment. \
             The peer delays its ACK, to let it ride on its answer, but cannot answer half a request: \
             both wait. Put the whole request together first, and make one write of it."
        )
    }
}

/// Why requests that do not wait for each other are not sent, of which so many are under way in so many
/// segments.
pub(super) fn held_by_those_before(stream: &TcpStream, requests: u32, segments: u32) -> String {
    if segments > requests {
        "The requests are cut into pieces, and each piece is a segment: more of them than congestion \
         control lets go before the first is acknowledged (ten, to begin with: RFC 6928). One write for \
         each request makes one segment of it."
    } else if stream.nodelay().unwrap_or(false) {
        "TCP_NODELAY is set, so it is not Nagle's algorithm that holds them back. Either it was not set \
         yet when they were written, or the kernel has been told that more is to come (TCP_CORK, \
         MSG_MORE)."
    } else {
        "TCP_NODELAY is not set on the prepared connection. A request is a small segment, and while the \
         one before it is not acknowledged, Nagle's algorithm holds it back. The ACK is the peer's to \
         delay, and no option at your end changes that: turn Nagle's algorithm off, in `prepare`."
    }
    .to_owned()
}

/// For a `put` that does not return although there is room for its request.
pub(super) fn waits_for_an_ack(case: &Case) -> Option<String> {
    let never_returns = case.awaited == Awaited::Return && case.stuck.is_some();
    let waits = never_returns && !case.is_blocked_in(&[Call::Read]);
    (waits && case.yours().is_some_and(|seen| seen.row.send_q > 0)).then(|| {
        "All that it has written is in the kernel (Send-Q), and no ACK comes: it waits for that, or for \
         what follows from it. A write is done when the kernel has the bytes."
            .to_owned()
    })
}

/// For other bytes than those of the request.
pub(super) fn differs(case: &Case) -> Option<String> {
    if case.arrived.is_empty() || case.wanted.starts_with(&case.arrived) {
        return None;
    }
    let replaced = |bytes: &[u8]| bytes.windows(3).any(|three| three == "\u{FFFD}".as_bytes());
    Some(if replaced(&case.arrived) {
        "`from_utf8_lossy` replaces what is no UTF-8, and then the length is wrong, too. A value is \
         bytes, and goes as it is."
    } else {
        "What came is not the request: `PUT`, the key, the value's length in bytes, each after one \
         space, a newline, and then the value's bytes as they are, with nothing behind them. Where the \
         beginning is right, look at how the value is written, and whether an earlier request had \
         something more behind it."
    }
    .to_owned())
}

/// So many bytes of a large request, each eight of which are their own offset, stand nowhere else in it.
const SAMPLE: usize = 16;

/// For bytes of a large request, of which so many have been read before.
pub(super) fn of_a_part(case: &Case, request: &[u8], read: usize) -> Option<String> {
    let has_begun = read > 0 || !case.arrived.is_empty();
    if case.awaited != Awaited::Bytes || !has_begun {
        return None;
    }
    let mut pairs = case.arrived.iter().zip(&case.wanted);
    let at = pairs.position(|(a, b)| a != b);
    let other = at.and_then(|at| case.arrived[at..].first_chunk::<SAMPLE>());
    let comes_from = other.and_then(|other| request.windows(SAMPLE).position(|is| is == other));
    let is_over = case.evidence.threads.is_empty();
    let sent_all = case.yours().is_none_or(|seen| seen.row.send_q == 0);
    let what = match (at, comes_from) {
        _ if case.panicked => {
            "Your code panicked when the kernel had taken a part of the request. If a write took a part, \
             that may be less than the header: count what has been taken over all parts."
        }
        (Some(at), Some(from)) if from < read + at => {
            "A write took a part of what it was given. Then your code sent bytes again that had been \
             taken. Go on from where the write stopped, not from an earlier byte."
        }
        (Some(_), Some(_)) => {
            "A write took a part of what it was given, and returned how many bytes that was. Your code went \
             on as if it had taken all: bytes in between are missing."
        }
        (None, _) if is_over && sent_all => {
            "The kernel has sent all that it was given, and that is a part of the request. A write \
             returned how many bytes it had taken, and the rest was never written."
        }
        _ => return None,
    };
    Some(format!(
        "{what} `write_all` goes on with the rest; after `write_vectored`, `IoSlice::advance_slices` finds \
         where that begins."
    ))
}

pub(super) fn loses_the_reset(case: &Case) -> Option<String> {
    Some(if case.panicked {
        "A reset is an error that a write returns, and an `unwrap` makes a panic of it. It is the \
         caller's to know: return it with `?`."
    } else if case.awaited == Awaited::Return {
        return None;
    } else {
        "A write to this connection fails, and `put` returned Ok: the error was lost, or nothing was \
         written yet. A BufWriter that is dropped writes what it has and can tell nobody how that went: \
         `flush` tells. `let _ =` tells nobody either."
    }
    .to_owned())
}

/// What a writer can do wrong in any check, by what the kernel shows.
pub(super) fn likely(case: &Case) -> Option<String> {
    let sent_all = case.yours().is_some_and(|seen| seen.row.send_q == 0);
    let has_returned = case.evidence.threads.is_empty() && !case.panicked;
    Some(match case.awaited {
        Awaited::Return if case.stuck.is_some() && case.is_blocked_in(&[Call::Read]) => {
            "`put` reads, and waits for what comes. It sends a request and is done: the answer is its \
             caller's to read, when it likes."
        }
        _ if case.is_in(State::FinWait1) || case.is_in(State::FinWait2) => {
            "Your end has sent its FIN: the connection was shut down, and nothing more can be sent on \
             it. The stream is lent, for one request of many. `shutdown` is not how bytes are pushed: \
             what a write gave to the kernel needs no push."
        }
        Awaited::Bytes if sent_all && has_returned && case.wanted.starts_with(&case.arrived) => {
            "Send-Q is 0 at your end: all that the kernel was given has arrived, and that is not the \
             whole request. The rest is in a buffer of your code's, or was not written. Flush what \
             buffers before you return, and look at what `write` returns."
        }
        Awaited::EndOfFile if case.arrived.is_empty() && case.yours().is_some() => {
            "A handle of the socket lives on after `put` has returned: a clone that is kept somewhere, \
             or was forgotten."
        }
        Awaited::EndOfFile if !case.arrived.is_empty() => {
            "More bytes came than the requests have: nothing follows a value."
        }
        _ => return None,
    }
    .to_owned())
}
