//! What an echo in particular can do wrong, by what the kernel shows and what has come back.

use std::io::ErrorKind;

use crate::exam::{
    Awaited, Call, Case,
    diagnosis::{
        LEAKED_HANDLE, SENDS_BYTES_AGAIN, SPINS_AT_END_OF_FILE, STOPS_BEFORE_THE_END,
        WAITS_BEFORE_IT_ANSWERS, WRITES_THE_WHOLE_BUFFER, first_of,
    },
    problems,
};

/// For a connection on which other bytes came back before.
pub(super) fn gives_a_byte_a_meaning(case: &Case) -> Option<String> {
    (case.yours().is_none() && !case.panicked).then(|| {
        "Your end has closed, although earlier words came back: your code treats these bytes as \
         the end of a line or of the conversation. To an echo no byte has a meaning."
            .to_owned()
    })
}

/// For bytes that were read on a connection on which others came back before.
pub(super) fn keeps_a_byte_back(case: &Case) -> Option<String> {
    let waits = case.awaited == Awaited::Bytes
        && case.arrived.is_empty()
        && case.is_blocked_in(&[Call::Read]);
    waits.then(|| {
        "Earlier words came back, and this does not. Your code has read it (Recv-Q is 0), and \
         waits in the next read. Either it drops these bytes, as a terminator, as padding or as \
         white space. Or it keeps them until more has come. To an echo no byte has a meaning: \
         write what each read returned."
            .to_owned()
    })
}

/// For a byte that is a piece of a letter in UTF-8, or of none.
pub(super) fn expects_letters(byte: u8, case: &Case) -> Option<String> {
    if byte.is_ascii() {
        return None;
    }
    let waits = case.arrived.is_empty() && case.is_blocked_in(&[Call::Read]);
    if !waits {
        return expects_text(case);
    }
    Some(format!(
        "Your code has read the byte {byte:#04x}, and has not sent it. It waits for more, as if \
         this byte were a part of something longer (a letter in UTF-8, a command), or it leaves \
         the byte out. No byte is special: write what each read returned, as it is."
    ))
}

/// The client has read end of file, and a write has failed.
const SHUT_DOWN_TOO_EARLY: &str = "The sending half of your own end was shut down before these \
    bytes were written, so a write failed with BrokenPipe. At end of file first write what was \
    read, and wait for a thread that writes. Then drop the stream: that sends the FIN.";

/// For a message that fills a usual buffer, on a connection on which a short one came back.
pub(super) fn waits_after_a_full_read(case: &Case) -> Option<String> {
    let waits = case.awaited == Awaited::Bytes
        && case.wanted.starts_with(&case.arrived)
        && case.is_blocked_in(&[Call::Read]);
    waits.then(|| {
        "A short message came back, and this one does not, or not all of it. Your code reads again \
         before it has written, as if more had to follow a read that fills the buffer. A full \
         buffer says nothing about what comes next: write what each read returned."
            .to_owned()
    })
}

/// For a write that was cut short, after which nothing more is sent.
pub(super) fn keeps_the_rest(case: &Case) -> Option<String> {
    let waits = case.awaited == Awaited::Bytes
        && case.wanted.starts_with(&case.arrived)
        && case.is_blocked_in(&[Call::Read]);
    waits.then(|| {
        "A signal ended your `write` after a part of its bytes, and `write` returned how many. \
         Your code waits in the next read, and the rest has not been sent: it is lost, or it is \
         kept until more has come. Send the rest before you read again: `write_all` does."
            .to_owned()
    })
}

/// For a client that does not read for a while.
pub(super) fn ends_without_room(case: &Case) -> Option<String> {
    let kinds = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
    let not_now = kinds.iter().any(|kind| case.has_returned_error(*kind));
    (not_now && !case.panicked).then(|| {
        "Your code ended the connection with an error that means \"not now\": a write found no \
         room, or a read found no byte, within a timeout or with O_NONBLOCK. The client is still \
         connected, and reads later. Set no timeout; or wait for the event, and write the rest."
            .to_owned()
    })
}

/// For bytes that were there before the function was called, and the FIN after them.
pub(super) fn loses_the_last_words(case: &Case) -> Option<String> {
    if case.has_returned_error(ErrorKind::BrokenPipe) {
        return Some(SHUT_DOWN_TOO_EARLY.to_owned());
    }
    let lost = case.wanted.starts_with(&case.arrived) && case.yours().is_none();
    (lost && !case.panicked && !case.has_returned_an_error()).then(|| {
        "The bytes and the FIN after them were there before `echo` began, and not all of them came \
         back. Either your code stopped before end of file: read until Ok(0). Or it had read them, \
         and the connection was closed or shut down before they were sent. Write what each read \
         returned, and close after that."
            .to_owned()
    })
}

/// For a connection on which much has come back before.
pub(super) fn stops_at_a_limit(case: &Case) -> Option<String> {
    (case.yours().is_none() && !case.panicked).then(|| {
        "Your end has closed, although everything so far came back: your code stops after a number \
         of bytes. A connection has no such limit: stop when `read` returns Ok(0)."
            .to_owned()
    })
}

/// For a client that has closed its sending half, and has read everything.
pub(super) fn resets_at_the_end(case: &Case) -> Option<String> {
    let reset = case.yours().is_none() && case.arrived.is_empty() && !case.panicked;
    reset.then(|| {
        "Your code resets the connection instead of closing it, and the client may lose bytes that \
         it has not read yet. SO_LINGER with a time of 0 does that, and so does a close with bytes \
         unread. Read to end of file and drop the stream, without SO_LINGER."
            .to_owned()
    })
}

/// For a connection that was reset before the function was called, or soon after.
pub(super) fn asks_for_the_address(case: &Case) -> Option<String> {
    let mut problems = problems().into_iter();
    let asks = case.panicked && problems.any(|it| it.message.contains("NotConnected"));
    asks.then(|| {
        "The client had reset the connection when your code asked for its address: `peer_addr` \
         fails with ENOTCONN then, which is an ordinary error. `unwrap` and `expect` turn it into \
         a panic. The error to return is that of `read` or `write`."
            .to_owned()
    })
}

/// For an answer that should have returned the number of bytes.
pub(super) fn end_of_file_is_an_error(case: &Case) -> Option<String> {
    (case.has_returned() && !case.panicked).then(|| {
        "The client has closed its sending half, as it should, and your code returns an error. End \
         of file is not an error, even before the first byte: return Ok with the number of bytes. \
         If a `shutdown` failed, leave it out: dropping the stream closes the connection."
            .to_owned()
    })
}

/// For a client that has sent this much and closed its sending half.
pub(super) fn echoes_less(sent: Option<u64>, arrived: usize) -> Option<String> {
    sent.map(|sent| {
        format!(
            "{arrived} bytes and the FIN after them had arrived, and `echo` has returned {sent}. \
             End of file comes after the data: read until Ok(0), and write what each read returned."
        )
    })
}

pub(super) fn expects_text(case: &Case) -> Option<String> {
    let cause = match case.arrived.len() {
        0 if case.is_running() => return None,
        0 if case.has_returned_error(ErrorKind::BrokenPipe) => SHUT_DOWN_TOO_EARLY,
        0 if case.has_returned_ok() => {
            "`echo` has returned Ok, and none of these bytes came back. Either it stopped at the \
             FIN, which had arrived too, before it had read them: read until Ok(0). Or it takes \
             them for text, which they are not, and drops them."
        }
        0 => {
            "None of the bytes that are not UTF-8 came back: a `String`, `read_to_string`, `lines` \
             and `from_utf8` refuse them."
        }
        _ => {
            "Bytes were lost or changed: `from_utf8_lossy` replaces what is not UTF-8, `lines` \
             removes line endings, `trim` removes what looks like a space."
        }
    };
    Some(format!(
        "{cause} A stream carries bytes: keep them in a `[u8]`."
    ))
}

pub(super) fn returns_too_early(case: &Case) -> Option<String> {
    let cause = if case.panicked {
        return None;
    } else if case.is_blocked_in(&[Call::Write]) {
        "`echo` has returned, and one of its threads still waits in a write. When `echo` returns, \
         the caller may end the program: join the thread first."
    } else {
        "`echo` has returned before it has written everything that arrived: there is not enough \
         room. A blocking `write` waits for room. If a write fails with WouldBlock or a timeout, \
         write the rest again."
    };
    Some(cause.to_owned())
}

/// What an echo can do wrong in any check.
pub(super) fn diagnose(case: &Case) -> Option<String> {
    let common = [
        SPINS_AT_END_OF_FILE,
        WRITES_THE_WHOLE_BUFFER,
        SENDS_BYTES_AGAIN,
        WAITS_BEFORE_IT_ANSWERS,
    ];
    first_of(&common, case)
        .or_else(|| changes_the_bytes(case))
        .or_else(|| first_of(&[LEAKED_HANDLE, STOPS_BEFORE_THE_END], case))
}

fn changes_the_bytes(case: &Case) -> Option<String> {
    let cause = if case.arrived.is_empty() {
        return None;
    } else if case.awaited != Awaited::Bytes {
        "More came back than was sent. Write what the read returned, `&buf[..n]`, and nothing else."
    } else if !case.wanted.starts_with(&case.arrived) {
        "What came back is not what was sent. Either your code writes more of the buffer than the \
         read returned: write `&buf[..n]`. Or a write took only a part, and the rest was dropped: \
         write the rest. Or it changes the bytes."
    } else {
        return None;
    };
    Some(cause.to_owned())
}
