//! What a writer of requests can do wrong, by what the kernel holds back, how many segments came,
//! and where its thread waits.

use std::{io::ErrorKind, net::TcpStream};

use socket_workshop::table::{Row, State};
use socket2::SockRef;

use crate::exam::{Awaited, Call, Case};

pub(super) const WAITS_A_LITTLE: &str = "`put` waits for the ACK, though not for long: a call \
     takes longer if no ACK comes. `prepare` is there for requests that do not wait for each \
     other. A request is sent when the kernel has it: return when the write returns.";

/// For a peer that does not read, and a request for which there is no room.
pub(super) fn returns_too_early(case: &Case) -> Option<String> {
    let cause = if case.has_returned_error(ErrorKind::WouldBlock) {
        "`put` has returned WouldBlock: its write does not wait for room (MSG_DONTWAIT, \
         O_NONBLOCK), or not long enough. The kernel may have taken a part of the request, and the \
         caller cannot know which. Let the write wait: a blocking `write_all` does."
    } else if case.has_returned_ok() {
        "`put` has returned before the kernel has the whole request: another thread writes the \
         rest, or it is never written. Then the caller learns of no error, and a program that ends \
         now loses the rest. Write in `put`, and return when the write is done."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

pub(super) const LEAVES_AN_OPTION: &str = "An option belongs to the socket, not to a call or to a \
     handle: it stays until it is set back, and the caller may need another value. A request in \
     one write needs no option. Set what the whole connection needs once, in `prepare`.";

/// For the size of a buffer.
pub(super) const RESIZES_A_BUFFER: &str = "The size of a buffer is an option of the socket, and \
     setting what was read does not restore it: the kernel doubles what is set (socket(7)), and \
     from then on it no longer adjusts that buffer. Leave it as it is: a write waits until there \
     is room.";

pub(super) const PREPARES_TOO_MUCH: &str = "`prepare` changes more than Nagle's algorithm. The \
     caller has chosen the other options of its socket, and may depend on them: a timeout, for \
     one, makes its reads and writes fail. Set TCP_NODELAY only.";

pub(super) const KEEPS_A_DESCRIPTOR: &str = "The caller has closed its stream, and a descriptor \
     that your code has opened is still there. Look for a clone (`try_clone`) that is kept in a \
     static, owned by a thread, or given to `mem::forget`, and for a descriptor from `into_raw_fd` \
     that is not closed on every way out. A program that keeps one descriptor for \
     each connection eventually runs out.";

pub(super) const KEEPS_A_THREAD: &str = "`put` has returned, and a thread that your code has \
     started is still there. Nothing here needs a thread: write in `put`.";

/// A request that came in several segments.
pub(super) struct Pieces {
    pub(super) segments: u32,
    pub(super) bytes: usize,
    pub(super) no_delay: bool,
}

impl Pieces {
    pub(super) fn diagnose(&self) -> String {
        let writes = if self.bytes > 4096 {
            "a BufWriter that has less room than the request makes one write of what fits and one \
             of the rest"
        } else {
            "`write!` makes one write for each piece of its format, unless it writes to a buffer, \
             and a LineWriter passes on what it has at each newline"
        };
        let waits = if self.no_delay {
            "With TCP_NODELAY each write is a segment"
        } else {
            "Each write may become a segment, and Nagle's algorithm holds the second one back \
             until the first is acknowledged"
        };
        format!(
            "The request fits into one segment, and all earlier bytes were acknowledged: your code \
             passed it to the kernel in several writes ({writes}). {waits}. Build the whole \
             request first, and make one write of it."
        )
    }
}

/// Why the kernel has bytes and does not send them.
pub(super) fn held_back(row: &Row, stream: &TcpStream) -> String {
    let held = row.unsent.unwrap_or(0);
    let sent = row.send_q.saturating_sub(held);
    let corked = SockRef::from(stream).tcp_cork().unwrap_or(false);
    if corked {
        "TCP_CORK is set: the kernel waits up to 200 ms for more data, to fill the segment. Turn \
         the option off at the end of each request, or do without it: one write needs no cork."
            .to_owned()
    } else if sent == 0 {
        "No ACK is missing. The kernel was told that more data is to come (MSG_MORE), and none \
         came: it waits up to 200 ms for it. An empty write does not end that wait. Use MSG_MORE \
         only if more bytes follow, or build the request first and make one write of it."
            .to_owned()
    } else if stream.nodelay().unwrap_or(false) {
        "TCP_NODELAY is set, so Nagle's algorithm does not hold the bytes back. Either the kernel \
         was told that more data is to come (MSG_MORE), and none came. Or the request is cut into \
         more segments than congestion control sends before the first is acknowledged. Make one \
         write of the whole request."
            .to_owned()
    } else {
        format!(
            "The request was written in pieces. The first {sent} bytes are sent and not \
             acknowledged, so Nagle's algorithm holds the other {held} back: a small segment. The \
             peer delays its ACK to send it with its answer, but it cannot answer half a request: \
             both wait. Build the whole request first, and make one write of it."
        )
    }
}

/// Why requests that do not wait for each other are not sent: the number of requests, and of
/// segments.
pub(super) fn held_by_those_before(stream: &TcpStream, requests: u32, segments: u32) -> String {
    if segments > requests {
        "The requests are cut into pieces, and each piece is a segment. Congestion control sends \
         only a limited number before the first is acknowledged (ten at first: RFC 6928). Make one \
         write of each request, and it is one segment."
    } else if stream.nodelay().unwrap_or(false) {
        "TCP_NODELAY is set, so Nagle's algorithm does not hold them back now. Either the option \
         was not set yet when they were written, or the kernel was told that more data is to come \
         (TCP_CORK, MSG_MORE). Set TCP_NODELAY in `prepare`, and make one write of each request."
    } else {
        "TCP_NODELAY is not set on the prepared connection. A request is a small segment, and \
         Nagle's algorithm holds it back while the one before it is not acknowledged. The peer \
         decides when to send the ACK, and no option at your end changes that. Turn Nagle's \
         algorithm off in `prepare`."
    }
    .to_owned()
}

/// For a `put` that does not return although there is room for its request.
pub(super) fn waits_for_an_ack(case: &Case) -> Option<String> {
    let never_returns = case.awaited == Awaited::Return && case.stuck.is_some();
    let waits = never_returns && !case.is_blocked_in(&[Call::Read]);
    (waits && case.yours().is_some_and(|seen| seen.row.send_q > 0)).then(|| {
        "The kernel has all bytes of the request (Send-Q), and no ACK comes. Your code waits for \
         the ACK, or for something that follows from it. A write is done when the kernel has the \
         bytes: return then."
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
        "`from_utf8_lossy` replaces bytes that are not UTF-8, and then the length is wrong too. A \
         value is bytes: append it to the request as it is."
    } else {
        "The bytes are not those of the request: `PUT`, the key and the value's length in bytes, \
         with one space between, a newline, and then the value, with nothing after it. If the \
         beginning is right, look at how the value is written, and whether an earlier request had \
         more bytes than its own."
    }
    .to_owned())
}

/// For a key that begins and ends with white space.
pub(super) fn trims_the_key(case: &Case, key: &str) -> Option<String> {
    let trimmed = format!("PUT {} ", key.trim());
    (key.trim() != key && case.arrived.starts_with(trimmed.as_bytes())).then(|| {
        "The white space at the ends of the key is missing: another key arrives. A key contains no \
         space and no newline, but it may contain a tab or any other character, and `trim` removes \
         those too. Send the key as it is."
            .to_owned()
    })
}

/// For a `put` that returns an error although its connection is open.
pub(super) fn refuses(case: &Case, key: &str) -> Option<String> {
    case.has_returned_error(ErrorKind::WriteZero).then(|| {
        format!(
            "`put` has returned WriteZero, which `Write` for an array or a slice returns when that \
             has no more room. The key has {} bytes, and a key may have any length. Build the \
             request in a Vec or a String.",
            key.len()
        )
    })
}

/// This many bytes of a large request, of which each eight are their own offset, occur only once in
/// it.
const SAMPLE: usize = 16;

/// For bytes of a large request, after the first `read` of them.
pub(super) fn of_a_part(case: &Case, request: &[u8], read: usize) -> Option<String> {
    let has_begun = read > 0 || !case.arrived.is_empty();
    if case.awaited != Awaited::Bytes || !has_begun {
        return None;
    }
    let mut pairs = case.arrived.iter().zip(&case.wanted);
    let at = pairs.position(|(a, b)| a != b);
    let other = at.map(|at| &case.arrived[at..case.arrived.len().min(at + SAMPLE)]);
    let place = |other: &[u8]| request.windows(other.len()).position(|is| is == other);
    let comes_from = other.and_then(place);
    let is_over = case.evidence.threads.is_empty();
    let sent_all = case.yours().is_none_or(|seen| seen.row.send_q == 0);
    let what = match (at, comes_from) {
        _ if case.panicked => {
            "Your code panicked when the kernel had taken a part of the request. A part may be \
             less than the header: count how many bytes were taken, over all parts."
        }
        (Some(at), Some(from)) if from < read + at => {
            "A write took a part. Then your code sent bytes again that the kernel had taken. Go on \
             where the write stopped, not at an earlier byte."
        }
        (Some(_), Some(_)) => {
            "A write took a part, and returned how many bytes that was. Your code went on as if it \
             had taken all, so bytes in the middle are missing."
        }
        (None, _) if is_over && sent_all => {
            "The kernel has sent all bytes that it has, and they are a part of the request. A \
             write took a part and returned how many bytes that was. The rest was never written."
        }
        _ => return None,
    };
    Some(format!(
        "{what} `write_all` sends the rest. After `write_vectored`, `IoSlice::advance_slices` \
         finds where the rest begins."
    ))
}

pub(super) fn loses_the_reset(case: &Case) -> Option<String> {
    case.has_returned_ok().then(|| {
        "A write to this connection fails, and `put` returned Ok: the error was lost. A BufWriter \
         that is dropped writes what it has and drops the error: call `flush` and return its \
         error. `let _ =` drops an error too, and `take_error` returns none that a write has \
         returned."
            .to_owned()
    })
}

/// As [`loses_the_reset`], for a request of which a write had taken a part before the reset.
pub(super) fn loses_the_reset_of_a_part(case: &Case) -> Option<String> {
    case.has_returned_ok().then(|| {
        "The connection was reset before the kernel had the whole request, and `put` returned Ok. \
         Either a write took a part, returned how many bytes that was, and the rest was never \
         written: the next write returns the error. Or a write failed and the error was lost, for \
         example in a BufWriter that is dropped. `write_all` writes the rest and returns the error."
            .to_owned()
    })
}

/// What a writer can do wrong in any check, by what the kernel shows.
pub(super) fn diagnose(case: &Case) -> Option<String> {
    let sent_all = case.yours().is_some_and(|seen| seen.row.send_q == 0);
    let has_returned = case.evidence.threads.is_empty() && !case.panicked;
    Some(match case.awaited {
        Awaited::Return if case.stuck.is_some() && case.is_blocked_in(&[Call::Read]) => {
            "`put` reads, and waits for bytes from the peer. It sends a request, and that is all: \
             the answer is for the caller, who may send more requests first."
        }
        Awaited::EndOfFile if !case.arrived.is_empty() => {
            "More bytes came than the requests have: send nothing after a value."
        }
        Awaited::EndOfFile => return None,
        _ if !case.panicked && (case.is_in(State::FinWait1) || case.is_in(State::FinWait2)) => {
            "Your end has sent its FIN: the connection was shut down, and nothing more can be sent \
             on it. The stream is lent, for one request of many. `shutdown` is not needed to send \
             bytes: after the write the kernel sends them."
        }
        Awaited::Bytes if case.has_returned_an_error() && case.arrived.is_empty() => return None,
        Awaited::Bytes if sent_all && has_returned && case.wanted.starts_with(&case.arrived) => {
            "Send-Q is 0 at your end: all bytes that the kernel got have arrived, and they are not \
             the whole request. The rest is in a buffer of your code's, or was not written. Flush \
             a BufWriter before you return, and use what `write` returns."
        }
        _ => return None,
    }
    .to_owned())
}
