//! Why a server of exercise 7 did not do what a check is about, as far as the evidence tells.

use socket_workshop::table::State;

use crate::exam::{Awaited, Call, Case, Doing, Seen, Stuck, Whose};

/// A line that is no request got another answer than ERR.
pub(super) const TAKES_ANYTHING: &str = "This line is none of the three requests: its first word is \
    another, or it has fewer words than the request needs. Match the whole line, and leave ERR to what \
    is left.";

/// A line that is not UTF-8 got another answer than ERR.
pub(super) const TAKES_BYTES_FOR_TEXT: &str = "The line was taken, though it is not UTF-8: \
    `from_utf8_lossy` and a cast from `u8` to `char` make another text of it, and what is stored is not \
    what was sent. `from_utf8` says whether it is text.";

/// A line that is too long got another answer than ERR.
pub(super) const KNOWS_NO_LIMIT: &str = "A line of more than 1024 bytes was taken. A client chooses how \
    long a line is and you how much of your memory it gets: `(&mut reader).take(1025)` is a line and its \
    newline.";

/// A line with more than 1024 bytes, but not characters, got another answer than ERR, and a line with
/// more characters got that.
pub(super) const COUNTS_CHARACTERS: &str = "The line was taken: the limit is one of bytes, and a character \
    may have up to four. `chars().count()` counts characters; `len()`, of a `String` too, counts bytes.";

/// Another line came where an ERR should have, among the answers to several requests.
pub(super) const NO_ERR_IN_ITS_PLACE: &str = "Either this line, which is none of the three requests, was \
    taken for one; or its ERR is missing, or has come out of order: all answers must go one way.";

/// The client has read the end of file, and then SO_ERROR.
pub(super) const RESETS_BEHIND_THE_END: &str = "The end of file has come, and an RST behind it: the socket \
    was closed with bytes unread. The client may lose the answers that it has not read yet. Behind \
    `shutdown(Shutdown::Write)` read what still comes, and only then close.";

pub(super) fn changes_the_value(case: &Case) -> Option<String> {
    let cause = if case.arrived.starts_with(b"ERR") {
        "The value is all that follows the key, and this one has spaces: split the line at its first two \
         spaces only, as `splitn(3, ' ')` does."
    } else if case.arrived.starts_with(b"VALUE") {
        "The value has come back with fewer spaces, or without its later words. `split_whitespace` takes \
         several spaces for one, `trim` cuts them off at the ends: split the line at its first two \
         spaces only, and take off nothing but the newline."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

pub(super) fn takes_a_read_for_a_line(case: &Case) -> Option<String> {
    let cause = if !case.arrived.is_empty() {
        "An answer has come before the line had its newline. A `read` brings what has come, here a byte: it \
         is not a request. Gather bytes until there is a `\\n`, as `read_until` does."
    } else if has_ended(case) && !case.panicked {
        "Your end has closed, or its sending half, in the middle of a line. A `read` that brings little is \
         no end: only Ok(0) is."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

pub(super) fn loses_what_it_has_read(case: &Case, requests: usize) -> Option<String> {
    let answers = case.arrived.iter().filter(|byte| **byte == b'\n').count();
    let right = answers > 0 && case.wanted.starts_with(&case.arrived);
    (right && has_read_all(case) && !has_ended(case)).then(|| {
        format!(
            "All that was sent has been read (Recv-Q is 0), and {answers} of {requests} requests answered. \
             Either what one `read` brought was taken for one request, or a BufReader was made anew for each \
             line: it reads ahead, and what lies in its buffer goes with it. One reader for the whole \
             connection."
        )
    })
}

pub(super) fn answers_out_of_order(case: &Case) -> Option<String> {
    case.arrived.starts_with(b"ERR").then(|| {
        "An ERR has come before the answer to the request in front of it, or instead of it. All answers must \
         go one way: what lies in a BufWriter is overtaken by what is written to the stream itself."
            .to_owned()
    })
}

pub(super) fn ends_at_a_line_that_is_no_text(case: &Case) -> Option<String> {
    has_ended(case).then(|| {
        "A line that is not UTF-8 has ended the conversation. `read_line`, `lines` and `from_utf8` return \
         an error for it: that is one line's fault and not the connection's, and neither a reason to \
         return nor to panic. Read bytes, with `read_until`, then ask `from_utf8`, and answer ERR."
            .to_owned()
    })
}

pub(super) fn counts_the_newline(case: &Case) -> Option<String> {
    case.arrived.starts_with(b"ERR").then(|| {
        "A line of 1024 bytes was refused: the limit does not count the newline. Neither `take(1024)` nor \
         a buffer of 1024 bytes has room for both."
            .to_owned()
    })
}

pub(super) fn waits_for_the_newline(case: &Case) -> Option<String> {
    (case.arrived.is_empty() && has_read_all(case)).then(|| {
        "It has read all that was sent (Recv-Q is 0), and no ERR has come. Most likely it waits for the \
         newline, or the end of file, which may never come: a client can fill your memory so. `read_line`, \
         `read_until` and `lines` have no limit of their own; `(&mut reader).take(1025)` gives them one. Or \
         else the ERR is still in a BufWriter."
            .to_owned()
    })
}

pub(super) fn goes_on_after_a_line_too_long(case: &Case) -> Option<String> {
    if case.arrived.is_empty() {
        return no_end_of_file(case);
    }
    Some(
        "Another answer came behind the ERR: the rest of that line, or what came behind it, was taken for \
         a request. ERR is the last answer to a client that does not keep to the limit."
            .to_owned(),
    )
}

pub(super) fn goes_on_after_quit(case: &Case) -> Option<String> {
    if case.arrived.is_empty() {
        return no_end_of_file(case);
    }
    Some(
        "QUIT gets no answer, and what comes behind it is not executed: the end of file is the next that \
         the client reads."
            .to_owned(),
    )
}

/// The conversation has ended, and the client has read neither more answers nor the end of file.
fn no_end_of_file(case: &Case) -> Option<String> {
    let cause = if case.evidence.sockets.is_empty() {
        "The connection is gone at both ends, without a FIN: it was reset. To close a socket with bytes \
         unread sends RST, and the client may lose the answers that it has not read yet. First \
         `shutdown(Shutdown::Write)`, which sends the end of file, then read to the client's, then close."
    } else if case.is_blocked_in(&[Call::Read]) && case.is_in(State::Established) {
        "Your end is ESTABLISHED: no FIN has been sent, and your thread waits in a read for a client that \
         waits for it. `shutdown(Shutdown::Write)` sends the end of file, and you can still read."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

pub(super) fn executes_what_comes_behind_quit(case: &Case) -> Option<String> {
    case.arrived.starts_with(b"VALUE blue").then(|| {
        "The value is that of the PUT behind QUIT: it was executed, though not answered.".to_owned()
    })
}

pub(super) fn answers_the_end_of_file(case: &Case) -> Option<String> {
    (!case.arrived.is_empty()).then(|| {
        "A client was answered that had nothing more to ask, only its end of file to send. `read_line` and \
         `read_until` return Ok(0) there, and the line is empty, without even a newline: an empty request \
         has one."
            .to_owned()
    })
}

pub(super) fn takes_the_end_for_an_error(case: &Case) -> Option<String> {
    let returned = case.evidence.threads.is_empty() && !case.panicked;
    returned.then(|| {
        "The client has ended the conversation as it should, and every request before that was answered: \
         there is no error in that. A `shutdown` behind both FINs fails with ENOTCONN, and may."
            .to_owned()
    })
}

pub(super) fn takes_a_cut_line_for_a_request(case: &Case) -> Option<String> {
    let answered = case.awaited == Awaited::EndOfFile && !case.arrived.is_empty();
    (answered || case.arrived.starts_with(b"VALUE blu")).then(|| {
        "The end of file has cut the last line, and it was taken for a request all the same. `read_line`, \
         `read_until` and `lines` return what there is at the end of file, without a newline: only a line \
         that ends with `\\n` is whole."
            .to_owned()
    })
}

pub(super) fn does_not_share(case: &Case) -> Option<String> {
    case.arrived.starts_with(b"NONE").then(|| {
        "What one client has put another does not find, though both are served with one store. A `clone` of \
         the map is a copy: put into the map behind the lock, and get from it."
            .to_owned()
    })
}

pub(super) fn locks_while_it_reads(case: &Case) -> Option<String> {
    (case.is_blocked_in(&[Call::Lock]) && case.is_blocked_in(&[Call::Read])).then(|| {
        "One of your threads waits in a read, for the silent client, and the other for a lock (futex): the \
         first holds the store while it waits. Lock it when the whole line is there, and drop the guard \
         before the next read."
            .to_owned()
    })
}

pub(super) fn locks_while_it_writes(case: &Case) -> Option<String> {
    (case.is_blocked_in(&[Call::Lock]) && case.is_blocked_in(&[Call::Write])).then(|| {
        "One of your threads waits in a write, for the client that does not read, and another for a lock \
         (futex): the first holds the store while it waits. Make the answer a String, and drop the guard \
         before you write; a guard made in the head of a `match` or `if let` lives to the end of it."
            .to_owned()
    })
}

pub(super) fn loses_an_error(case: &Case) -> Option<String> {
    let cause = if case.panicked {
        "The client has reset the connection, and your code has panicked. A read or a write then returns an \
         error, which is the caller's to know: return it with `?` instead of `unwrap`."
    } else if spins(case) {
        "The client has reset the connection, and your thread is running: the loop goes on after an error. \
         It is told once; behind it each read finds the end of file, for ever."
    } else if case.evidence.threads.is_empty() {
        "The client has reset the connection: a read or a write returned an error, and it was lost. \
         `map_while(Result::ok)`, `while let Some(Ok(line))` and `unwrap_or(0)` make an end of file of it \
         that never was, `let _ =` nothing at all. Return it with `?`."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// Whether it is proven that the threads run without moving a byte.
fn spins(case: &Case) -> bool {
    matches!(case.stuck, Some(Stuck::Spin(..)))
}

/// Whether a thread waits in a read, with nothing left to be read.
fn has_read_all(case: &Case) -> bool {
    let queued = case.evidence.yours().any(|seen| seen.row.recv_q > 0);
    case.is_blocked_in(&[Call::Read]) && !queued
}

/// The clients' ends of the connections.
fn clients(case: &Case) -> impl Iterator<Item = &Seen> {
    let sockets = case.evidence.sockets.iter();
    sockets.filter(|seen| seen.whose == Whose::Peers)
}

/// Whether what has come, all of it, ends within a line.
fn is_cut(case: &Case) -> bool {
    let all = case.wanted.is_empty() || case.arrived.len() < case.wanted.len();
    all && case.awaited == Awaited::Bytes
        && !case.arrived.is_empty()
        && !case.arrived.ends_with(b"\n")
}

/// Whether a client that has not closed has got your FIN, or none has a connection any more.
fn has_ended(case: &Case) -> bool {
    clients(case).next().is_none() || clients(case).any(|seen| seen.row.state == State::CloseWait)
}

/// What a server can do wrong in any check, by what the kernel shows.
pub(super) fn likely(case: &Case) -> Option<String> {
    let threads = &case.evidence.threads;
    let waits_for_a_lock = |doing: &Doing| {
        matches!(
            doing,
            Doing::Blocked {
                call: Call::Lock,
                ..
            }
        )
    };
    let cause = if case.panicked {
        "Your code has panicked. What a client sends, and when it goes, is its own affair: no `unwrap`, no \
         `expect` and no index may depend on it. At the end of file there is no next line; a line may have \
         no second word."
    } else if !threads.is_empty() && threads.iter().all(waits_for_a_lock) {
        "Your thread waits for another (futex), and none of yours does anything else. Most likely it locks \
         the store while it still holds a guard of it; or else it waits for a thread that waits for it."
    } else if spins(case)
        && case
            .yours()
            .is_some_and(|seen| seen.row.state == State::CloseWait && seen.row.recv_q <= 1)
    {
        "Your thread runs, and all that the client has sent has been read: its `read` returns Ok(0), end of \
         file, and the loop takes it for data and reads again. Leave the loop when it returns Ok(0)."
    } else if threads.is_empty() && case.is_in(State::CloseWait) {
        "`serve_client` has returned, but its socket is still open: CLOSE_WAIT is always the local program's \
         doing. A handle lives on, in a clone or forgotten; the FIN is sent when the last is dropped, or by \
         `shutdown`."
    } else if is_cut(case) {
        "What has come does not end with a newline. An answer is a line: the client reads on until `\\n`."
    } else if case.awaited == Awaited::Bytes && !case.wanted.starts_with(&case.arrived) {
        "An answer has come, but not the one to this request: compare the two lines above."
    } else if case.awaited == Awaited::Bytes && has_ended(case) {
        "Your end has closed, or its sending half, while the client waits for an answer. Only the end of \
         file, QUIT, a line that is too long, and an error of the connection itself end a conversation."
    } else if case.awaited == Awaited::Bytes && case.arrived.is_empty() && has_read_all(case) {
        "It has read what was sent (Recv-Q is 0), answered nothing, and waits in another read. Either the \
         answer is still in a BufWriter: flush before you wait. Or it waits for more than has come: \
         `read_to_end` for the end of file, `read_exact` and a loop of your own for a full buffer."
    } else {
        return None;
    };
    Some(cause.to_owned())
}
