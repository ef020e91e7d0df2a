//! What an outbox can do wrong, by what it said, what arrived, and where its thread is.

use std::io::ErrorKind;

use socket_workshop::table::State;

use crate::exam::{Awaited, Call, Case, Stuck};

pub(super) const WAITS_A_LITTLE: &str = "Most likely the call waits for the peer, if not for long: \
     a write timeout (SO_SNDTIMEO) of a blocking socket, a sleep, a poll with a timeout. The \
     owner has other connections, and each of them waits as long.";

pub(super) const SPINS_A_LITTLE: &str = "Most likely a loop that tries again when `write` gives \
     WouldBlock. It waits for the peer, if not for long, and keeps a processor busy meanwhile. \
     Keep the bytes, and return.";

pub(super) const WRITTEN_AND_QUEUED: &str = "More was written than has left the queue: it will be \
     written again. `write` returns how many bytes it has taken, and exactly these must leave the queue. \
     `write_all` cannot tell: where the kernel has no more room it fails, in the middle.";

/// For a call after a reset that has not told it.
pub(super) fn loses_the_reset(got: Result<(), ErrorKind>) -> &'static str {
    match got {
        Ok(()) | Err(ErrorKind::WouldBlock) => {
            "The peer has reset the connection, and `write` says so: ECONNRESET, then EPIPE. Your \
             code hides that, so the owner goes on with a connection that is dead. WouldBlock is \
             the one error of `write` that is not a failure; return every other."
        }
        Err(_) => {
            "It has failed, as it should, but with another kind. The owner tells by the kind what \
             has happened: return the error as `write` gave it."
        }
    }
}

/// For a call that was to fail.
pub(super) fn should_refuse(wanted: ErrorKind, got: Result<(), ErrorKind>) -> Option<String> {
    let cause = match (wanted, got) {
        (ErrorKind::WouldBlock, Ok(())) => {
            "More than `limit` bytes are queued now, or bytes were dropped. A peer that does not read \
             decides then how much memory this program takes."
        }
        (ErrorKind::WouldBlock, Err(_)) => {
            "There is no room now, and there will be when the peer has read: return WouldBlock."
        }
        (ErrorKind::InvalidInput, Ok(())) => {
            "How much of it the kernel will take nobody knows before the write. If it takes \
             nothing, more than `limit` bytes would have to be queued. So `send` cannot promise \
             to take what is longer than the limit."
        }
        (ErrorKind::InvalidInput, Err(ErrorKind::WouldBlock)) => {
            "WouldBlock says \"later\". These bytes alone are more than `limit`: they would be \
             refused each time, and the owner would wait without end."
        }
        (ErrorKind::BrokenPipe, Ok(())) => {
            "After `finish` there is no later byte: the FIN comes after the last one. Remember \
             that `finish` was called while bytes are still queued."
        }
        _ => return None,
    };
    Some(cause.to_owned())
}

/// For a call that has failed as it should, and not without effect.
pub(super) fn took_a_part(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::BrokenPipe => {
            "After `finish` there is no later byte, and yet these are queued: they can never be \
             written. Remember that `finish` was called, and refuse before you queue anything."
        }
        _ => {
            "`send` has returned an error, and yet it has taken bytes. The caller will send all of them \
             again later. Look at the limit before anything is queued or written."
        }
    }
}

/// For a call that was to succeed.
pub(super) fn an_error(kind: ErrorKind, case: &Case) -> Option<String> {
    let fin = case.is_in(State::FinWait1) || case.is_in(State::FinWait2);
    let cause = match kind {
        ErrorKind::BrokenPipe if fin => {
            "The FIN is sent already, or waits in the send buffer (FIN_WAIT): `shutdown` was \
             called while bytes were queued, and no byte can be written after it. Write the queue \
             first; the call that writes the last byte calls `shutdown`."
        }
        ErrorKind::WouldBlock => {
            "If it is the kernel that has no room: that is what the queue is for, and to the owner no \
             error. Keep the bytes, and return Ok. From `send` WouldBlock speaks of the limit, which \
             allows `limit` bytes in the queue, and not one less."
        }
        ErrorKind::NotConnected if case.yours().is_none() => {
            "Both FINs have passed, and nothing is left to do. A second `shutdown` fails then, \
             with ENOTCONN: remember that the FIN is sent. Poll reports the peer's end of file \
             too, so the owner may well call `writable`."
        }
        _ => return None,
    };
    Some(cause.to_owned())
}

/// For a number of queued bytes that is not the right one.
pub(super) fn another_number(got: usize, wanted: usize) -> &'static str {
    if got < wanted {
        "Bytes were counted as written that the kernel has not taken, or are gone: what `write` has not \
         taken must stay in the queue, whatever happens next."
    } else {
        "More is queued than was taken and not written: what the kernel has taken must leave the queue, \
         and nothing else may enter it."
    }
}

/// For bytes that were to be written at once, and none of which arrived.
pub(super) fn only_queues(queued: usize, case: &Case) -> Option<String> {
    (case.arrived.is_empty() && queued > 0 && on_the_way(case) == 0).then(|| {
        "The kernel has room, and the bytes are in the queue: nothing was written. With nothing queued \
         before, write first, and let the queue have what the kernel has not taken: a round through \
         poll is for that only."
            .to_owned()
    })
}

/// For `writable`, when poll has said POLLOUT.
pub(super) fn writes_nothing(case: &Case) -> Option<String> {
    let cause = match on_the_way(case) {
        0 => "Poll has said that the kernel has room, and nothing was written.",
        _ => WRITTEN_AND_QUEUED,
    };
    Some(cause.to_owned())
}

/// Bytes that the kernels have, at either end, and that the peer has not read.
fn on_the_way(case: &Case) -> u32 {
    let rows = case.evidence.sockets.iter().map(|seen| &seen.row);
    rows.filter(|row| row.state == State::Established)
        .map(|row| row.send_q + row.recv_q)
        .sum()
}

/// For bytes that did not arrive as they were sent.
pub(super) fn other_bytes(queued: usize, case: &Case) -> Option<String> {
    let (arrived, wanted) = (&case.arrived, &case.wanted);
    let at = arrived
        .iter()
        .zip(wanted)
        .take_while(|(a, b)| a == b)
        .count();
    let number = |bytes: &[u8]| {
        let word = bytes.get(at.next_multiple_of(8)..)?.get(..7)?;
        str::from_utf8(word).ok()?.parse::<u64>().ok()
    };
    let cause = match (number(arrived), number(wanted)) {
        _ if at == arrived.len() && on_the_way(case) == 0 && case.yours().is_some() => {
            return Some(format!(
                "By what `queued` says ({queued}), these bytes are written. But the kernel has nothing \
                 more to send: they were dropped, or are still in a buffer of yours that `queued` does \
                 not count. `write` returns how many bytes it has taken, and all others must stay queued."
            ));
        }
        _ if at == arrived.len() => return None,
        (Some(came), Some(due)) if came > due => {
            "Bytes are missing in the middle: `write` returned how many it had taken, and the rest was \
             not kept, or something was written in front of it."
        }
        (Some(came), Some(due)) if came < due => {
            "Bytes have come a second time: what `write` had taken was still in the queue. It takes the \
             first n bytes of what it is given: exactly these must leave the queue."
        }
        _ => {
            "These are not the bytes that were due. If they are later ones, they were written \
             while earlier ones were queued still: as long as anything is queued, queue what \
             comes after it."
        }
    };
    Some(cause.to_owned())
}

/// For an end of file that did not come.
pub(super) fn no_end(case: &Case) -> Option<String> {
    (case.arrived.is_empty() && case.is_in(State::Established)).then(|| {
        "All bytes have arrived, and no FIN after them: your end is ESTABLISHED. With nothing \
         queued, `finish` must send it, because `writable` will not be called; otherwise \
         `writable` does, after the last byte. Call `shutdown`: to drop a handle sends nothing \
         while the owner has another."
            .to_owned()
    })
}

/// Where a call is that does not come back.
pub(super) fn likely(case: &Case) -> Option<String> {
    if case.awaited != Awaited::Return {
        return None;
    }
    let cause = if case.panicked {
        "A full window is ordinary, and a peer may end its connection at any time: neither is a \
         reason to panic. `write` reports both as errors, and an `unwrap` makes a panic of it."
    } else if case.is_blocked_in(&[Call::Write]) {
        "Your thread is blocked in a write: the socket is a blocking one, and the peer does not read. The \
         owner's other connections wait too. `set_nonblocking(true)` makes `write` return at once."
    } else if case.is_blocked_in(&[Call::Poll]) {
        "Your thread waits in poll. To wait is the owner's part: it has one poll for all its \
         connections. Keep the bytes, and return."
    } else if matches!(case.stuck, Some(Stuck::Spin(..))) {
        "Your thread runs, and does not come back: most likely a loop that tries again at once when `write` \
         gives WouldBlock. It waits for the peer as a blocked write does, and keeps a processor busy \
         besides. Keep the bytes, and return."
    } else {
        return None;
    };
    Some(cause.to_owned())
}
