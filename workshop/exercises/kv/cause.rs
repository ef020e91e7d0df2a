//! Why a server of exercise 7 did not do what a check is about, as far as the evidence shows.

use std::io::ErrorKind;

use socket_workshop::table::State;

use crate::exam::{
    Awaited, Call, Case, Doing, Owner, Seen, Stuck,
    diagnosis::{
        LEAKED_HANDLE, PANICS_ON_INPUT, SPINS_AT_END_OF_FILE, WAITS_BEFORE_IT_ANSWERS, first_of,
    },
};

/// A line that is not a request got another answer than ERR.
pub(super) const ACCEPTS_ANYTHING: &str = "Your code accepts a line that is not one of the three \
    requests: its first word differs, or the number of words does. Match the whole line, and \
    answer ERR to every other.";

/// A line that is not UTF-8 got another answer than ERR.
pub(super) const ACCEPTS_WHAT_IS_NOT_UTF8: &str = "Your code accepts a line that is not UTF-8: \
    `from_utf8_lossy` and a cast from `u8` to `char` change its bytes, so the store would have a \
    value that was never sent. Use `from_utf8`, and answer ERR if it fails.";

/// A line that is too long got another answer than ERR.
pub(super) const KNOWS_NO_LIMIT: &str = "Your code accepts a line of more than 1024 bytes. A \
    client that chooses the length of a line chooses how much memory you use. `(&mut \
    reader).take(1025)` is room for a line and its newline.";

/// A line with more than 1024 bytes, but not characters, got another answer than ERR, and a line
/// with more characters got that.
pub(super) const COUNTS_CHARACTERS: &str = "Your code accepts the line, although it has more than \
    1024 bytes: a character may have up to four. `chars().count()` counts characters. `len()` \
    counts bytes, of a `String` too.";

/// Another line came where an ERR should have, among the answers to several requests.
pub(super) const NO_ERR_IN_ITS_PLACE: &str = "Another answer came where ERR belongs. Either your \
    code accepts this line, or its ERR is missing or out of order. Send all answers through the \
    same writer.";

/// The client has read the end of file, and then SO_ERROR.
pub(super) const RESETS_AFTER_THE_END: &str = "The end of file has come, and an RST after it: your \
    code closed the socket with bytes unread. The client may lose answers that it has not read \
    yet. After `shutdown(Shutdown::Write)` read what still comes, and close then.";

pub(super) const CLOSES_TOO_SOON: &str = "The client sent more after your end of file, and your \
    kernel answered with RST: your code had closed the socket. The client may \
    lose answers that it has not read yet. After `shutdown(Shutdown::Write)` read on until the \
    client closes, or for a second. After `Shutdown::Both` a read returns Ok(0) as soon as nothing \
    is there: that is not the client's end of file.";

/// After a short conversation it does not.
pub(super) const COUNTS_FROM_THE_BEGINNING: &str = "The client sent more after your end of file, \
    and your kernel answered with RST: your code had closed the socket. After a short conversation \
    it still discards what comes, and after a long one it does not. Count that time from your end \
    of file, not from the beginning of the conversation.";

/// It was seen to wait for the client, and no FIN had been sent.
pub(super) const WAITS_BEFORE_ITS_END: &str = "At the end of the conversation your code first \
    waited for the client, until a timeout ended that, and sent its end of file then. The client \
    may wait for yours. Send it right after the last answer, with `shutdown(Shutdown::Write)`, and \
    read on afterwards.";

/// A descriptor is open that was not before.
pub(super) const LEAKS: &str = "The function has returned, and a handle of the connection is still \
    open: a clone (`try_clone`), a handle that a thread owns, or `mem::forget`. A server that \
    leaks one descriptor per client eventually runs out.";

pub(super) fn keeps_its_answers(case: &Case) -> Option<String> {
    (case.awaited == Awaited::Bytes && case.arrived.is_empty() && has_read_all(case)).then(|| {
        "Your code has read two complete requests and a part of the next one, and waits for the \
         rest of it. The answers to the first two are still in your buffer. Flush before every \
         read that may wait: that is whenever no complete line is left."
            .to_owned()
    })
}

pub(super) fn changes_the_value(case: &Case) -> Option<String> {
    let cause = if case.arrived.starts_with(b"ERR") {
        "The value is everything after the key, and this one has spaces. Split the line at its \
         first two spaces only: `splitn(3, ' ')`."
    } else if without(b'\r', &case.arrived) == without(b'\r', &case.wanted) {
        "The value came back without the `\\r` at its end. Only `\\n` ends a line here: `lines` \
         removes a `\\r` before it too, and so does `trim_end`. Remove nothing but the `\\n`."
    } else if case.arrived.starts_with(b"VALUE") && lacks_spaces(case) {
        "The value came back with fewer spaces, or without its later words. `split_whitespace` \
         merges spaces, `trim` removes them at the ends. Split the line at its first two spaces \
         only, and remove nothing but the newline."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

/// Whether only spaces are missing, or the end.
fn lacks_spaces(case: &Case) -> bool {
    let line = case.arrived.strip_suffix(b"\n").unwrap_or(&case.arrived);
    without(b' ', &case.wanted).starts_with(&without(b' ', line))
}

fn without(byte: u8, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.retain(|other| *other != byte);
    bytes
}

/// For a key that has white space other than a space.
pub(super) fn ends_a_key_elsewhere(case: &Case) -> Option<String> {
    let answered = !case.wanted.starts_with(&case.arrived);
    answered.then(|| {
        "Your code does not treat this key as one word: it ends a word at a tab or other white space \
         too, as `split_whitespace`, `split_ascii_whitespace` and `char::is_whitespace` do, \
         or it refuses such a key. Only a space ends a key: `splitn(3, ' ')`."
            .to_owned()
    })
}

/// For a request that came byte by byte, after one like it was accepted in one piece.
pub(super) fn checks_each_piece(request: &str, case: &Case) -> Option<String> {
    (!request.is_ascii() && case.arrived.starts_with(b"ERR")).then(|| {
        "Your code refuses a request that it has accepted when it came in one piece. A piece may \
         end within a character, and is not UTF-8 then. Collect bytes until the `\\n`, and check \
         the whole line."
            .to_owned()
    })
}

pub(super) fn refuses_a_value(case: &Case) -> Option<String> {
    case.arrived.starts_with(b"ERR").then(|| {
        "Your code refuses a value that it does not expect: an empty one, or one with bytes that \
         are not printable. Split the line at its first two spaces, and store whatever comes after \
         the second."
            .to_owned()
    })
}

pub(super) fn loses_bytes_of_a_value(case: &Case) -> Option<String> {
    case.arrived.starts_with(b"VALUE").then(|| {
        "The value that came back is not the one that was sent: your code changed or dropped bytes \
         of it. Remove nothing but the newline, and store the rest of the line as it is."
            .to_owned()
    })
}

pub(super) fn treats_a_read_as_a_line(case: &Case) -> Option<String> {
    let cause = if !case.arrived.is_empty() {
        "Your code answered before the newline came. A `read` returns what has arrived, here one \
         byte: that is not a request. Collect bytes until there is a `\\n`, as `read_until` does."
    } else if has_ended(case) && !case.panicked {
        "Your end has closed, or its sending half, in the middle of a line. A `read` that returns \
         fewer bytes than you asked for is not end of file: only Ok(0) is."
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
            "Your code has read everything (Recv-Q is 0), and answered {answers} of {requests} \
             requests. Either it treats the bytes of one `read` as one request, or it makes a \
             BufReader for each line: a BufReader reads ahead, and its buffer is lost with it. \
             Make one reader for the whole connection."
        )
    })
}

pub(super) fn answers_out_of_order(case: &Case) -> Option<String> {
    case.arrived.starts_with(b"ERR").then(|| {
        "An ERR came before the answer to the request before it, or instead of it. What is written \
         to the stream overtakes what is still in a BufWriter. Send all answers through the same \
         writer."
            .to_owned()
    })
}

/// For an answer that does not come, after an ERR.
pub(super) fn stops_after_an_err(case: &Case) -> Option<String> {
    (case.arrived.is_empty() && has_read_all(case) && !has_ended(case)).then(|| {
        "Your code has read everything (Recv-Q is 0), and does not answer what came after a line \
         that it refuses. Either it has thrown away what it had read beyond that line, or this \
         answer is still in a BufWriter. An ERR is about one line: keep your buffer, answer the \
         next line, and flush before you wait."
            .to_owned()
    })
}

/// For a request that gets no answer.
pub(super) fn skips_a_request(request: &str, case: &Case) -> Option<String> {
    (case.arrived.is_empty() && has_read_all(case) && !has_ended(case)).then(|| {
        format!(
            "Your code has read the line {request:?} (Recv-Q is 0), and waits in the next read: it \
             skips the line, or has not sent its answer. Answer each line, and one that is not a \
             request with ERR."
        )
    })
}

/// For a request other than those that may end a conversation.
pub(super) fn ends_at_a_request(request: &str, case: &Case) -> Option<String> {
    (request.contains("QUIT") && has_ended(case) && !case.panicked).then(|| {
        format!(
            "Your code ended the conversation at {request:?}, which is not QUIT: it compares a \
             part of the line, or a line that it has trimmed. Compare the whole line, and answer \
             ERR."
        )
    })
}

pub(super) fn ends_at_a_line_that_is_not_utf8(case: &Case) -> Option<String> {
    has_ended(case).then(|| {
        "A line that is not UTF-8 ended the conversation. `read_line`, `lines` and `from_utf8` \
         return an error for it. That is an error of one line, not of the connection: do not \
         return it, and do not panic. Read bytes with `read_until`, check them with `from_utf8`, \
         and answer ERR."
            .to_owned()
    })
}

pub(super) fn ends_in_silence(case: &Case) -> Option<String> {
    has_ended(case).then(|| {
        "Your code ended the conversation while the client was silent. A read that times out is \
         not the end: a timeout on the stream makes `read` fail with WouldBlock. Set no read \
         timeout, or wait again."
            .to_owned()
    })
}

pub(super) fn counts_the_newline(case: &Case) -> Option<String> {
    (!case.wanted.starts_with(&case.arrived)).then(|| {
        "Your code refuses a line of 1024 bytes. Neither its newline nor what comes after it \
         counts: `take(1024)` or a buffer of 1024 bytes has no room for the newline."
            .to_owned()
    })
}

pub(super) fn waits_for_the_newline(case: &Case) -> Option<String> {
    (case.arrived.is_empty() && has_read_all(case)).then(|| {
        "Your code has read everything that was sent (Recv-Q is 0), and no ERR has come. Most \
         likely it waits for the newline, which may never come: a client can fill your memory like \
         this. `read_line`, `read_until` and `lines` have no limit: `(&mut reader).take(1025)` \
         sets one. Compare the whole line with it, not each read. If you have written the ERR to a \
         BufWriter, flush it."
            .to_owned()
    })
}

pub(super) fn goes_on_after_a_long_line(case: &Case) -> Option<String> {
    if case.arrived.is_empty() {
        return no_end_of_file(case);
    }
    Some(
        "Another answer came after the ERR: your code treats the rest of the long line, or what \
         comes after it, as a request. End the conversation after the ERR."
            .to_owned(),
    )
}

pub(super) fn goes_on_after_quit(case: &Case) -> Option<String> {
    if case.arrived.is_empty() {
        return no_end_of_file(case);
    }
    Some(
        "QUIT has no answer, and nothing after it is executed: the next thing that the client \
         reads must be end of file. End the conversation at QUIT."
            .to_owned(),
    )
}

/// The conversation has ended, and the client has read neither more answers nor the end of file.
fn no_end_of_file(case: &Case) -> Option<String> {
    let cause = if case.evidence.sockets.is_empty() {
        "The connection is gone at both ends, without a FIN: it was reset. Closing a socket with \
         bytes unread sends RST, and the client may lose answers that it has not read yet. First \
         `shutdown(Shutdown::Write)`, which sends end of file, then read until the client's, then \
         close."
    } else if case.is_blocked_in(&[Call::Read]) && case.is_in(State::Established) {
        "Your end is ESTABLISHED: no FIN has been sent, and your thread waits in a read for a \
         client that waits for you. `shutdown(Shutdown::Write)` sends end of file, and you can \
         still read."
    } else {
        return None;
    };
    Some(cause.to_owned())
}

pub(super) fn executes_what_comes_after(case: &Case) -> Option<String> {
    case.arrived.starts_with(b"VALUE blue").then(|| {
        "The value is that of a PUT after the end of the conversation: your code executed it, \
         although it did not answer. Look for the end before you execute the next line."
            .to_owned()
    })
}

pub(super) fn answers_the_end_of_file(case: &Case) -> Option<String> {
    (!case.arrived.is_empty()).then(|| {
        "Your code answered a client that sent nothing more, only end of file. `read_line` and \
         `read_until` return Ok(0) there, and the line is empty: an empty request has a newline."
            .to_owned()
    })
}

pub(super) fn returns_an_error_at_the_end(case: &Case) -> Option<String> {
    let returned = case.evidence.threads.is_empty() && !case.panicked;
    let mut kinds = [ErrorKind::WouldBlock, ErrorKind::TimedOut].into_iter();
    let is_open = clients(case).next().is_some();
    if returned && is_open && kinds.any(|kind| case.has_returned_error(kind)) {
        return Some(
            "The client has got everything, and has not closed yet. Your code waited for that, \
             until a time was over, and returned the error of that wait. Whether the client \
             closes in time does not matter any more: ignore that error, and return Ok."
                .to_owned(),
        );
    }
    returned.then(|| {
        "The client ended the conversation as it should, and your code returned an error. End of \
         file is not an error. If a `shutdown` failed after both ends had closed (ENOTCONN), \
         ignore that."
            .to_owned()
    })
}

pub(super) fn treats_a_cut_line_as_a_request(case: &Case) -> Option<String> {
    let answered = case.awaited == Awaited::EndOfFile && !case.arrived.is_empty();
    (answered || case.arrived.starts_with(b"VALUE blu")).then(|| {
        "End of file has cut the last line, and your code treats it as a request. `read_line`, \
         `read_until` and `lines` return what there is at end of file, without a newline. Execute \
         a line only if it ends with `\\n`."
            .to_owned()
    })
}

pub(super) fn does_not_share(case: &Case) -> Option<String> {
    case.arrived.starts_with(b"NONE").then(|| {
        "One client does not find what another client has put, although both share one store. A \
         `clone` of the map is a copy. Lock the store, and use the map that the lock protects."
            .to_owned()
    })
}

/// For a client that has read values before, and an earlier one now.
pub(super) fn remembers_values(case: &Case) -> Option<String> {
    case.arrived.starts_with(b"VALUE").then(|| {
        "One client gets an earlier value than the one that another client has put since. Your \
         code answers from a copy: a clone of the map, or what it remembers of earlier answers. \
         Lock the store for each request, and use the map that the lock protects."
            .to_owned()
    })
}

pub(super) fn locks_while_it_reads(case: &Case) -> Option<String> {
    (case.is_blocked_in(&[Call::Lock]) && case.is_blocked_in(&[Call::Read])).then(|| {
        "One of your threads waits in a read, for the silent client, and another for a lock \
         (futex): the first holds the lock of the store while it waits. Lock the store when the \
         whole line is there, and drop the guard before the next read."
            .to_owned()
    })
}

pub(super) fn locks_while_it_writes(case: &Case) -> Option<String> {
    (case.is_blocked_in(&[Call::Lock]) && case.is_blocked_in(&[Call::Write])).then(|| {
        "One of your threads waits in a write, for the client that does not read, and another for \
         a lock (futex): the first holds the lock of the store while it waits. Make the answer a \
         String, and drop the guard before you write. A guard that is created in the head of a \
         `match` or `if let` lives until its closing brace."
            .to_owned()
    })
}

/// Whether a thread waits in a read, with nothing left to be read.
fn has_read_all(case: &Case) -> bool {
    let queued = case.evidence.yours().any(|seen| seen.row.recv_q > 0);
    case.is_blocked_in(&[Call::Read]) && !queued
}

/// The clients' ends of the connections.
fn clients(case: &Case) -> impl Iterator<Item = &Seen> {
    let sockets = case.evidence.sockets.iter();
    sockets.filter(|seen| seen.owner == Owner::Peers)
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
pub(super) fn diagnose(case: &Case) -> Option<String> {
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
    let spins = matches!(case.stuck, Some(Stuck::Spin(..)));
    if case.panicked || spins {
        return first_of(&[PANICS_ON_INPUT, SPINS_AT_END_OF_FILE], case);
    }
    let cause = if !threads.is_empty() && threads.iter().all(waits_for_a_lock) {
        "Your thread waits for a lock or for another thread (futex), and none of your threads does \
         anything else. Most likely it locks the store while it still holds a guard of it. Drop \
         the first guard before you lock again."
    } else if let Some(leak) = first_of(&[LEAKED_HANDLE], case) {
        return Some(leak);
    } else if is_cut(case) {
        "The answer does not end with a newline. The client reads until `\\n`: end every answer \
         with it."
    } else if case.awaited == Awaited::Bytes && !case.wanted.starts_with(&case.arrived) {
        "An answer has come, but not the one to this request: compare the two lines above."
    } else if case.awaited == Awaited::Bytes && has_ended(case) {
        "Your end has closed, or its sending half, while the client waits for an answer. Only end \
         of file, QUIT, a line that is too long, and an error of the connection end a \
         conversation. Answers that were collected are sent before that."
    } else {
        return first_of(&[WAITS_BEFORE_IT_ANSWERS], case);
    };
    Some(cause.to_owned())
}
