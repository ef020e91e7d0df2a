//! What an echo in particular can do wrong, by what the kernel shows and what has come back.

use crate::exam::{
    Awaited, Call, Case,
    diagnosis::{
        LEAKED_HANDLE, SPINS_AT_END_OF_FILE, STOPS_BEFORE_THE_END, WAITS_BEFORE_IT_ANSWERS,
        WRITES_THE_WHOLE_BUFFER, first_of,
    },
};

/// For a connection on which other bytes came back before.
pub(super) fn gives_a_byte_a_meaning(case: &Case) -> Option<String> {
    (case.yours().is_none() && !case.panicked).then(|| {
        "Your end has closed, although earlier words came back: your code takes these bytes for the end \
         of a line or of the conversation. To an echo no byte means anything."
            .to_owned()
    })
}

pub(super) fn expects_text(case: &Case) -> Option<String> {
    let cause = match case.arrived.len() {
        0 if case.is_running() => return None,
        0 => {
            "None of the bytes that are not UTF-8 came back: a `String`, `read_to_string`, `lines` and \
             `from_utf8` refuse them."
        }
        _ => {
            "Bytes were lost or changed: `from_utf8_lossy` replaces what is not UTF-8, `lines` removes \
             line endings, `trim` removes what looks like a space."
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
        "`echo` has returned, and one of its threads still waits in a write. The caller takes the return \
         for the end, and may end the program: join the thread first."
    } else {
        "`echo` has returned before it has written everything that arrived: there is not enough room. A \
         blocking `write` waits for room. If a write fails with WouldBlock or a timeout, write the rest \
         again."
    };
    Some(cause.to_owned())
}

/// What an echo can do wrong in any check.
pub(super) fn diagnose(case: &Case) -> Option<String> {
    let common = [
        SPINS_AT_END_OF_FILE,
        WRITES_THE_WHOLE_BUFFER,
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
        "What came back is not what was sent. Either your code writes more of the buffer than the read \
         returned: write `&buf[..n]`. Or it changes the bytes."
    } else {
        return None;
    };
    Some(cause.to_owned())
}
