//! What an echo can do wrong, by what the kernel shows and what has come back.

use socket_workshop::table::State;

use crate::exam::{Awaited, Call, Case, Whose};

/// For a connection on which other bytes came back.
pub(super) fn gives_them_a_meaning(case: &Case) -> Option<String> {
    (case.yours().is_none() && !case.panicked).then(|| {
        "Your end has closed, and other words came back before: these bytes mean something to your code, \
         an end of line or of the conversation. To an echo no byte means anything."
            .to_owned()
    })
}

pub(super) fn takes_them_for_text(case: &Case) -> Option<String> {
    let cause = match case.arrived.len() {
        0 if case.is_running() => return None,
        0 => {
            "Nothing came back of bytes that are no UTF-8: a `String`, `read_to_string`, `lines` and \
             `from_utf8` refuse them."
        }
        _ => {
            "Bytes were lost or changed on the way: `from_utf8_lossy` replaces what is no UTF-8, \
             `lines` eats the ends of lines, `trim` what looks like a space."
        }
    };
    Some(format!(
        "{cause} A stream carries bytes: keep them in a `[u8]`."
    ))
}

pub(super) fn parts_are_missing(case: &Case) -> Option<String> {
    let at = case
        .arrived
        .iter()
        .zip(&case.wanted)
        .take_while(|(a, b)| a == b)
        .count();
    let number = |bytes: &[u8]| {
        let word = bytes.get(at.next_multiple_of(8)..)?.get(..7)?;
        str::from_utf8(word).ok()?.parse::<u64>().ok()
    };
    // Each eight bytes are their own offset: it tells whether what comes is from further on.
    let skipped = number(&case.arrived).is_none_or(|came| Some(came) > number(&case.wanted));
    (!case.arrived.is_empty() && skipped).then(|| {
        "Bytes are missing in the middle: `write` returned how many it had taken, and the rest was \
         never written. `write_all` goes on until all are."
            .to_owned()
    })
}

pub(super) fn returns_too_early(case: &Case) -> Option<String> {
    let cause = if case.panicked {
        return None;
    } else if case.is_blocked_in(&[Call::Write]) {
        "`echo` has returned, and a thread of yours still waits in a write. Whoever calls `echo` takes its \
         return for the end, and may end the program: join the thread first."
    } else {
        "`echo` has returned, and it cannot have written all that came: there is no room for it. A `write` \
         waits until there is; one that fails with WouldBlock or a time-out is to be made again."
    };
    Some(cause.to_owned())
}

pub(super) fn loses_the_reset(case: &Case) -> Option<String> {
    let cause = if case.is_running() {
        "The loop goes on after an error: each call fails again, at once, for ever."
    } else if case.panicked {
        "A reset is an error that a `read` or a `write` returns, and an `unwrap` makes a panic of it. It \
         is the caller's to know: return it with `?`."
    } else if case.is_blocked_in(&[Call::Lock]) {
        "The reset was met, but your code waits for another thread of yours, which does not come."
    } else {
        "`read` or `write` returned an error, and it was lost: `unwrap_or(0)` makes an end of file of it \
         that never was, `let _ =` nothing at all. It is the caller's to know: return it with `?`."
    };
    Some(cause.to_owned())
}

/// What an echo can do wrong in any check, by what the kernel shows.
pub(super) fn likely(case: &Case) -> Option<String> {
    let yours = case.yours();
    let cause = if case.is_running() && case.is_in(State::CloseWait) {
        "`read` returned Ok(0): end of file. The loop took it for data and reads again, for ever."
    } else if !case.arrived.is_empty() && case.arrived.contains(&0) {
        "More came back than was sent: the whole buffer was written. `read` returns n, how many bytes \
         it has put there; behind them are zeros, or an earlier read's bytes. Write `&buf[..n]`."
    } else if !case.arrived.is_empty() && case.awaited != Awaited::Bytes {
        "More came back than was sent. Write what the read brought, `&buf[..n]`, and nothing else."
    } else if !case.arrived.is_empty() && !case.wanted.starts_with(&case.arrived) {
        "What came back is not what was sent. If there was more before it than was sent, the buffer was \
         written beyond what the read brought: write `&buf[..n]`. Otherwise your code changes the bytes."
    } else if case.awaited == Awaited::Bytes
        && case.is_blocked_in(&[Call::Read])
        && yours.is_some_and(|seen| seen.row.recv_q == 0)
    {
        "It has read what was sent (Recv-Q is 0), sent nothing back, and waits in another read. Either \
         it waits for more than has come (`read_to_end` and `read_to_string` wait for the end of file, \
         `read_exact` for a full buffer, `lines` for a newline), or the answer is still in a BufWriter: \
         flush before you wait."
    } else if let Some(Whose::Yours(fd)) = yours.map(|seen| seen.whose)
        && case.is_in(State::CloseWait)
        && case.evidence.threads.is_empty()
    {
        return Some(format!(
            "`echo` has returned, but descriptor {fd} is still open: CLOSE_WAIT is always the local \
             program's doing. A handle of the socket lives on, in a clone, in another thread, or \
             forgotten; the FIN is sent when the last of them is dropped, or by `shutdown`."
        ));
    } else if yours.is_none() && !case.panicked {
        "Your end has closed while the client's is open. A read that brings less than was asked for is \
         no end, and neither is one that brings little, or times out: only Ok(0) is."
    } else {
        return None;
    };
    Some(cause.to_owned())
}
