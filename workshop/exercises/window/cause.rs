//! What an outbox can do wrong, by what it returned, what arrived, and where its thread is.

use std::io::ErrorKind;

use socket_workshop::table::State;

use crate::exam::{
    Awaited, Call, Case, Stuck,
    diagnosis::{DROPS_THE_REST_OF_A_WRITE, SPINS},
};

pub(super) const WAITS_A_LITTLE: &str = "The call waits for the peer, though not for long. Most \
     likely it is a write timeout (SO_SNDTIMEO) of a blocking socket, a sleep, or a poll with a \
     timeout. The owner has other connections, and all of them wait as long. Keep the bytes and \
     return.";

pub(super) const SPINS_A_LITTLE: &str = "The call retries for a while when `write` returns \
     WouldBlock. It waits for the peer, and keeps a CPU busy meanwhile. Keep the bytes and return.";

pub(super) const WRITTEN_AND_QUEUED: &str = "Bytes were written, and `queued` still counts them. \
     Count only what `write` has not taken, also of a message of which it took a part. If the \
     written bytes are in the queue too, they will be written twice: `write` returns how many \
     bytes it has taken, so remove exactly these. `write_all` does not return that number: it \
     fails in the middle when the kernel has no more room.";

pub(super) const WRITES_A_PART: &str = "The kernel would have taken more: your code passed it only \
     a part of the bytes, and queued the rest. Whatever it leaves costs the owner another round \
     through poll. Write until everything is written or `write` returns WouldBlock.";

pub(super) const TAKES_WHAT_IS_THE_OWNERS: &str = "The owner cannot read what the peer has sent. \
     Either the outbox has read it, or it has shut down the receiving half too. The owner reads \
     the answers: only write, and shut down with `Shutdown::Write`.";

pub(super) const CHANGES_AN_OPTION: &str = "An option belongs to the socket, which the owner \
     shares: the owner may have set it for a reason. A larger send buffer also moves the queue \
     into the kernel, where `limit` does not count. The outbox needs O_NONBLOCK only: set nothing \
     else.";

pub(super) const KEEPS_A_THREAD: &str = "The outbox has started a thread that does not end with \
     it. Nothing here needs a thread: a non-blocking `write` returns immediately, and the owner \
     calls `writable` when there is room.";

pub(super) const KEEPS_A_DESCRIPTOR: &str = "The outbox is dropped, and one of its descriptors is \
     still open. Look for a clone (`try_clone`) that is kept elsewhere, or `mem::forget`. A \
     program that keeps one descriptor for each connection eventually runs out.";

/// For a call after a reset that has not returned the error.
pub(super) fn loses_the_reset(got: Result<(), ErrorKind>) -> &'static str {
    match got {
        Ok(()) | Err(ErrorKind::WouldBlock) => {
            "The peer has reset the connection, and `write` returns that: ECONNRESET, then EPIPE. \
             Your code drops the error, so the owner keeps a dead connection. WouldBlock is the \
             only error of `write` that is not a failure. Return every other error."
        }
        Err(ErrorKind::BrokenPipe) => {
            "The first `write` after the reset returned ConnectionReset, and your code returned \
             BrokenPipe. Either it replaces the error, or it drops the first one and writes again: \
             then `write` returns EPIPE. The owner can distinguish a reset by the kind only: \
             return the first error that `write` returns."
        }
        Err(_) => {
            "The call fails, as it should, but the error has another kind. The owner decides by \
             the kind what to do: return the error that `write` returned."
        }
    }
}

/// For a call after an end of file and a reset that has not returned EPIPE.
pub(super) const LOSES_EPIPE: &str = "The peer has half-closed, and then reset the connection: in \
     this order the kernel reports EPIPE, and `write` returns BrokenPipe. The owner must know that \
     the connection is over: return every error of `write` as it is, except WouldBlock.";

/// For a panic in `finish` on a connection that was reset.
pub(super) fn unwraps_shutdown(case: &Case) -> Option<String> {
    case.panicked.then(|| {
        "On a connection that was reset, `shutdown` fails with ENOTCONN. `unwrap` and `expect` \
         turn that ordinary error into a panic. Return it with `?`."
            .to_owned()
    })
}

/// For a call that was to fail.
pub(super) fn should_refuse(
    bytes: &[u8],
    wanted: ErrorKind,
    got: Result<(), ErrorKind>,
) -> Option<String> {
    let cause = match (wanted, got) {
        (ErrorKind::BrokenPipe, Ok(())) if bytes.is_empty() => {
            "`send` returned Ok for no bytes, after `finish`. `finish` is the end of what the \
             owner sends, so every later `send` is refused, an empty one too. Check for that \
             before anything else."
        }
        (ErrorKind::WouldBlock, Ok(())) => {
            "Either more than `limit` bytes are queued now, or bytes were dropped. Without the \
             limit a peer that does not read decides how much memory this program uses. Compare \
             before you queue."
        }
        (ErrorKind::WouldBlock, Err(_)) => {
            "The queue has no room now. It will have room when the peer has read. Return \
             WouldBlock."
        }
        (ErrorKind::InvalidInput, Ok(())) => {
            "`send` accepted more than `limit` bytes. How many the kernel takes is known only \
             after the write. If it takes none, more than `limit` bytes must be queued. Refuse \
             before you write."
        }
        (ErrorKind::InvalidInput, Err(ErrorKind::WouldBlock)) => {
            "WouldBlock means \"later\". These bytes alone are more than `limit`: each later \
             `send` would refuse them too, and the owner would never get further. Return \
             InvalidInput."
        }
        (ErrorKind::BrokenPipe, Ok(())) => {
            "`send` accepted bytes after `finish`. The FIN comes after the last byte, so nothing \
             can follow it. Remember that `finish` was called, even while bytes are queued, and \
             refuse."
        }
        (ErrorKind::BrokenPipe, Err(_)) => {
            "After `finish` no `send` is possible, of whatever length. Check for that before the \
             limit, and return BrokenPipe."
        }
        _ => return None,
    };
    Some(cause.to_owned())
}

/// For a call that failed as it should, and had an effect: the number of queued bytes grew or
/// shrank.
pub(super) fn took_a_part(kind: ErrorKind, shrank: bool) -> &'static str {
    match kind {
        _ if shrank => {
            "`send` returned an error, and fewer bytes are queued than before: it has written \
             queued ones first, or dropped them. A refused `send` changes nothing: refuse before \
             you write. `writable` is there to write what is queued."
        }
        ErrorKind::BrokenPipe => {
            "`send` returned BrokenPipe, but it has queued bytes. They would have to go after the \
             FIN. Check whether `finish` was called before you queue anything."
        }
        _ => {
            "`send` returned an error, but it has accepted bytes. The caller will send all of them \
             again later. Check the limit before you queue or write anything."
        }
    }
}

/// For a call that was to succeed.
pub(super) fn an_error(kind: ErrorKind, queued: usize, case: &Case) -> Option<String> {
    let fin = case.is_in(State::FinWait1) || case.is_in(State::FinWait2);
    let cause = match kind {
        ErrorKind::BrokenPipe if fin && queued == 0 => {
            "Nothing is queued, and the FIN is sent. After it each `write` fails with EPIPE, even \
             one of no bytes: do not call `write` with nothing queued."
        }
        ErrorKind::BrokenPipe if fin => {
            "The FIN is sent already, or waits in the send buffer (FIN_WAIT): `shutdown` was \
             called while bytes were queued, and no byte can be written after it. Write the queue \
             first. The call that writes the last byte calls `shutdown`."
        }
        ErrorKind::WouldBlock => {
            "Either the kernel has no room: then keep the bytes in the queue and return Ok, \
             because the queue is there for that. Or the limit was compared wrongly: exactly \
             `limit` bytes may be queued, and an empty `send` always fits. Or a part of a \
             refused `send` has been queued, and takes up room."
        }
        ErrorKind::InvalidInput => {
            "InvalidInput is for a `send` of more than `limit` bytes. Exactly `limit` bytes are \
             allowed: compare with `>`."
        }
        ErrorKind::WriteZero => {
            "`write` returns Ok(0) when it is given no bytes. That is not an error: do not call \
             `write` with nothing queued, and do not queue an empty `send`."
        }
        ErrorKind::NotConnected if case.yours().is_none() => {
            "Both FINs have passed, and nothing is left to do. A second `shutdown` then fails with \
             ENOTCONN. Poll reports the peer's end of file too, so the owner may call `writable` \
             again: remember that the FIN is sent."
        }
        _ => return None,
    };
    Some(cause.to_owned())
}

/// For an outbox that cannot be made. Its limit is far more than there is memory.
pub(super) fn is_not_made(limit: usize, case: &Case) -> Option<String> {
    fails_at(limit, case).or_else(|| {
        case.has_returned_error(ErrorKind::OutOfMemory).then(|| {
            "OutOfMemory: your code reserves memory for the whole limit. The limit is the most \
             that may be queued, not what will be. Let the queue grow as needed."
                .to_owned()
        })
    })
}

/// For an outbox with this limit that does not work.
pub(super) fn fails_at(limit: usize, case: &Case) -> Option<String> {
    case.panicked.then(|| match limit {
        0 => "Your code panicked with a limit of 0. Such an outbox refuses every byte with \
             InvalidInput, and nothing else is special about it."
            .to_owned(),
        _ => {
            "Your code panicked with a very large limit. `Vec::with_capacity(limit)` asks for all \
             of that memory, and a sum with `limit` overflows. Let the queue grow as needed, and \
             compare with `limit - queued`."
                .to_owned()
        }
    })
}

/// For an error of a call that was to succeed, where the limit is out of reach.
pub(super) fn cuts_the_limit(kind: ErrorKind, limit: usize) -> Option<String> {
    let refuses = matches!(kind, ErrorKind::InvalidInput | ErrorKind::WouldBlock);
    (refuses && limit > isize::MAX as usize).then(|| {
        format!(
            "The limit is {limit}, far more than was sent, and your code refuses the bytes. Either \
             `as` has cut the limit to a type that it does not fit in, such as u32, or arithmetic \
             with it wraps around. Keep it as a usize, and compare with `limit - queued`."
        )
    })
}

/// For a number of queued bytes that is not the right one.
pub(super) fn another_number(got: usize, wanted: usize) -> &'static str {
    if got < wanted {
        "`queued` leaves out bytes that the kernel has not taken, or they are gone. Everything \
         that `write` has not taken must stay in the queue and be counted, whatever is called next."
    } else {
        "`queued` counts bytes that were not accepted, or that are written already. Remove from \
         the queue what `write` has taken, and add nothing else."
    }
}

/// For bytes that were to be written immediately, and none of which arrived.
pub(super) fn only_queues(queued: usize, case: &Case) -> Option<String> {
    (case.arrived.is_empty() && queued > 0 && on_the_way(case) == 0).then(|| {
        "The kernel has room, but the bytes are in the queue: nothing was written. Each `send` \
         then costs a round through poll. With nothing queued, write first, and queue only what \
         the kernel has not taken."
            .to_owned()
    })
}

/// For `writable`, when poll has reported POLLOUT.
pub(super) fn writes_nothing(case: &Case) -> Option<String> {
    let cause = match on_the_way(case) {
        0 => {
            "Poll has reported that the kernel has room, and `writable` wrote nothing. Write from \
             the front of the queue until it is empty or `write` returns WouldBlock."
        }
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
    let none_is_missing = arrived.len() + on_the_way(case) as usize >= wanted.len();
    let cause = match (number(arrived), number(wanted)) {
        _ if at == arrived.len() && on_the_way(case) == 0 && case.yours().is_some() => {
            return Some(format!(
                "`queued` returns {queued}, so these bytes should be written. But the kernel has \
                 nothing more to send. Either they were dropped, or they are in a buffer of yours \
                 that `queued` does not count. `write` returns how many bytes it has taken: keep \
                 all others queued."
            ));
        }
        _ if at == arrived.len() => return None,
        (Some(came), Some(due)) if came > due && none_is_missing => {
            "Later bytes have come where earlier ones were due, and as many as were written: \
             either they overtook the earlier ones, or the wrong bytes were removed from the \
             queue. Put new bytes at its back, and keep at its front what a `write` that took only \
             a part has left."
        }
        (Some(came), Some(due)) if came > due => {
            return DROPS_THE_REST_OF_A_WRITE.of(case);
        }
        (Some(came), Some(due)) if came < due => {
            "Bytes have come a second time: what `write` had taken was still in the queue. `write` \
             takes the first n bytes of what it is given. Remove exactly these from the queue."
        }
        _ => {
            "These are not the bytes that were due. If they are later ones, either `send` wrote \
             them while earlier ones were still queued, or the rest of a `write` that took only a \
             part was put after them. While anything is queued, put new bytes after it, and keep \
             such a rest at the front."
        }
    };
    Some(cause.to_owned())
}

/// For an end of file that did not come.
pub(super) fn no_end(case: &Case) -> Option<String> {
    (case.arrived.is_empty() && case.is_in(State::Established)).then(|| {
        "All bytes have arrived, and no FIN after them: your end is ESTABLISHED. With nothing \
         queued, `finish` must send it, because `writable` will not be called. Otherwise \
         `writable` sends it after the last byte. Call `shutdown`: dropping a handle sends no FIN \
         while the owner has another."
            .to_owned()
    })
}

/// Where a call is that does not return.
pub(super) fn diagnose(case: &Case) -> Option<String> {
    if case.awaited != Awaited::Return {
        return None;
    }
    let cause = if case.panicked {
        "Your code panicked. When the kernel has no room, `write` returns WouldBlock; after a \
         reset it returns ConnectionReset or BrokenPipe. Both are ordinary: match on the kind \
         instead of unwrapping the result."
    } else if case.is_blocked_in(&[Call::Write]) {
        "Your thread is blocked in a write: the socket is blocking, and the peer does not read. \
         The owner's other connections wait too. After `set_nonblocking(true)` a `write` returns \
         immediately."
    } else if case.is_blocked_in(&[Call::Poll]) {
        "Your thread waits in poll. The owner does the waiting: it has one poll for all its \
         connections. Keep the bytes and return."
    } else if matches!(case.stuck, Some(Stuck::Spin(..))) {
        if case
            .yours()
            .is_none_or(|seen| seen.row.state != State::Established)
        {
            return SPINS.of(case);
        }
        "Your thread runs and does not return. Most likely a loop retries immediately when `write` \
         returns WouldBlock: it waits for the peer as a blocking write does, and keeps a CPU busy \
         too. Keep the bytes and return."
    } else {
        return None;
    };
    Some(cause.to_owned())
}
