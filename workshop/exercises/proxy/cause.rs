//! What a relay can do wrong, by what the kernel shows of its ends of both connections.

use std::io::ErrorKind;

use super::relaying::Side;
use socket_workshop::table::{Row, State};

use crate::exam::{
    Call, Case, Owner, Stuck,
    diagnosis::{DROPS_THE_REST_OF_A_WRITE, LOSES_THE_ERROR, PANICS_ON_AN_ERROR, first_of},
};

pub(super) const TAKES_TOO_MUCH: &str = "Your code reads what one side sends, and keeps it in \
     memory, although the other side does not read. Such a queue grows while one side is faster \
     than the other. If its limit is a number of pieces, it holds that many times the largest \
     piece. Write what was read before you read again: then the kernel holds the sender back (its \
     window is zero).";

pub(super) const SPINS: &str = "Your code does not wait in the kernel: it asks again and again \
     whether something has arrived, with non-blocking reads or with a `poll` that returns \
     immediately. Use a blocking read in a thread for each direction, or `poll` for both \
     connections without a timeout.";

pub(super) const SPINS_AFTER_AN_END: &str = "One side has half-closed, and your code does not wait \
     in the kernel. A connection at its end of file stays readable: `read` returns Ok(0) each \
     time, and a `poll` for POLLIN returns immediately. Stop reading from that side, and stop \
     polling it for POLLIN. Or your code asks again and again with non-blocking reads: wait in a \
     blocking read or in `poll`.";

pub(super) const WAITS_UNTIL_IT_IS_READ: &str = "Everything is written, and both FINs are passed \
     on. Most likely your code waits until a side has acknowledged what it was sent: with \
     SO_LINGER of some seconds the close does. Return: the kernel sends what is written after the \
     close, too.";

pub(super) const WAKES_UP: &str = "Your code waits with a timeout (SO_RCVTIMEO, a poll with a \
     limit, or a sleep between two looks). It wakes up for nothing, thousands of times in an hour, \
     or ends a connection that is only silent. Wait without a timeout: a blocking read returns \
     when bytes, a FIN or a reset arrive.";

/// `relay` has ended, and a side that is only silent may still send.
pub(super) fn ends_while_all_are_silent(case: &Case) -> Option<String> {
    if case.panicked {
        return PANICS_ON_AN_ERROR.of(case);
    }
    let words = match case.has_returned_error(ErrorKind::WouldBlock) {
        true => WAKES_UP,
        false => {
            "`relay` has ended, although one side has only been silent, and may still send. Either \
             a timeout has run out, and your code takes that for an end, or the end of one side \
             ends both directions. A proxy ends when both sides have."
        }
    };
    Some(words.to_owned())
}

pub(super) const KEEPS_A_THREAD: &str = "A thread that `relay` has started is still there, and it \
     keeps its handles. Join every thread before you return. If one waits in a read, shut down the \
     receiving half of its connection first: its peer may never send anything more.";

pub(super) const KEEPS_A_DESCRIPTOR: &str = "A clone of a socket, a pipe or a poll instance is \
     still open: look for `mem::forget`, or a thread that owns it. A proxy that leaks one \
     descriptor for each client eventually runs out.";

/// The relay's end of the connection to a side, if it still has one.
fn yours<'a>(case: &'a Case, side: &Side) -> Option<&'a Row> {
    let sockets = case.evidence.sockets.iter();
    let mut yours = sockets.filter(|seen| matches!(seen.owner, Owner::Yours(_)));
    yours
        .find(|seen| seen.row.end() == side.end)
        .map(|seen| &seen.row)
}

/// A side's end of its connection, if the kernel still has it. It shows whether a FIN has come.
fn exams<'a>(case: &'a Case, side: &Side) -> Option<&'a Row> {
    let mut rows = case.evidence.sockets.iter().map(|seen| &seen.row);
    rows.find(|row| row.end() == side.end.other())
}

/// Whether nothing moves any more.
fn is_still(case: &Case) -> bool {
    matches!(case.stuck, Some(Stuck::Hang(_) | Stuck::Idle(..)))
}

fn spins(case: &Case) -> bool {
    matches!(case.stuck, Some(Stuck::Spin(..)))
}

/// `to` did not get the bytes that `from` has sent.
pub(super) fn not_passed(case: &Case, from: &Side, to: &Side) -> Option<String> {
    let (near, far) = (yours(case, from), yours(case, to));
    if case.panicked {
        return None;
    }
    if !case.arrived.is_empty() && !case.wanted.starts_with(&case.arrived) {
        let dropped = DROPS_THE_REST_OF_A_WRITE.of(case);
        let other = || Some(OTHER_BYTES.to_owned());
        return dropped.filter(|_| has_skipped(case)).or_else(other);
    }
    let open = |row: &&Row| matches!(row.state, State::Established | State::CloseWait);
    let Some(far) = far.filter(open) else {
        return Some(ended_too_early(from, to));
    };
    if !is_still(case) {
        return None;
    }
    let unread = near.map_or(0, |row| row.recv_q);
    let locked = case.is_blocked_in(&[Call::Lock]) && case.is_blocked_in(&[Call::Write]);
    if locked && near.is_some() && unread == 0 && far.send_q == 0 {
        return Some(format!(
            "Your code has read what the {} has sent (Recv-Q is 0), and has not passed it on. One \
             thread is blocked in a write to the side that does not read, and one waits for a lock \
             or for a thread (futex). If the first holds a lock while it writes, and the second \
             needs it, one side delays both directions: share no lock between them. If the second \
             only joins, the bytes are in a buffer or a queue: pass on what each read returns.",
            from.name
        ));
    }
    Some(if unread > 0 && case.is_blocked_in(&[Call::Write]) {
        format!(
            "What the {} has sent is unread in your socket's Recv-Q ({unread}), and a thread of \
             yours is blocked in a write to the side that does not read. If that thread serves \
             both directions, it delays both. Use one thread for each direction, or write without \
             blocking.",
            from.name
        )
    } else if unread > 0 && case.is_blocked_in(&[Call::Read, Call::Splice, Call::Poll]) {
        format!(
            "What the {0} has sent is unread in your socket's Recv-Q ({unread}), and a thread of \
             yours waits for something else: for the {1} to send, or to end. A proxy cannot know \
             which side sends next, and both may send at the same time. Use one thread for each \
             direction, or poll both, and give each direction its own limit of memory.",
            from.name, to.name
        )
    } else if unread > 0 && case.is_blocked_in(&[Call::Lock]) {
        format!(
            "What the {} has sent is unread in your socket's Recv-Q ({unread}): no thread of yours \
             reads it, and one waits for another thread, in a join or for a lock. Use one thread \
             for each direction, and share no lock between them.",
            from.name
        )
    } else if near.is_some() && unread == 0 && far.send_q == 0 {
        format!(
            "Your code has read what the {} has sent (Recv-Q is 0), and has not passed it on. \
             Either it waits for more first: `read_to_end` waits for end of file, `read_exact` for \
             a full buffer, `lines` for a newline. Or the bytes are in a BufWriter or a queue. \
             Pass on what each read returns.",
            from.name
        )
    } else {
        return None;
    })
}

/// Whether later bytes have come where earlier ones were due. Large data is numbered: each eight
/// bytes are their own offset.
fn has_skipped(case: &Case) -> bool {
    let pairs = case.arrived.iter().zip(&case.wanted);
    let at = pairs.take_while(|(came, due)| came == due).count();
    let number = |bytes: &[u8]| {
        let word = bytes.get(at.next_multiple_of(8)..)?.get(..7)?;
        str::from_utf8(word).ok()?.parse::<u64>().ok()
    };
    matches!((number(&case.arrived), number(&case.wanted)), (Some(came), Some(due)) if came > due)
}

const OTHER_BYTES: &str = "What arrived is not what was sent. Either your code writes more of the \
     buffer than the read returned: after those n bytes are zeros, or bytes of an earlier read. \
     Write `&buf[..n]`, all of it. Or it writes again what the kernel has taken, for example after \
     a `write_all` that returned WouldBlock in the middle. Or it changes the bytes.";

/// The relay has closed or half-closed towards `to`, which still waited for bytes.
fn ended_too_early(from: &Side, to: &Side) -> String {
    if !from.has_ended.get() {
        return format!(
            "Your connection to the {1} is closed, or its sending half is, although the {0} has \
             not ended. An end of file ends one direction only. If you close both at the first, \
             the rest of the other direction is lost. Shut down the sending half to the {1} when \
             the {0} sends its FIN.",
            from.name, to.name
        );
    }
    let or = match to.has_ended.get() {
        true => format!(
            " The {} has half-closed, too, which ends its direction only: go on reading from the \
             {}.",
            to.name, from.name
        ),
        false => String::new(),
    };
    format!(
        "Your connection to the {1} is closed, or its sending half is, before everything that the \
         {0} had sent was passed on.{or} End of file comes after the data: read until Ok(0), and write \
         everything, before you shut down. A close with SO_LINGER of zero drops what is written \
         and not yet sent: set it only to reset.",
        from.name, to.name
    )
}

/// `to` got no end of file, although `from` has half-closed.
pub(super) fn end_not_passed(case: &Case, from: &Side, to: &Side) -> Option<String> {
    if !case.arrived.is_empty() {
        return Some(OTHER_BYTES.to_owned());
    }
    let (near, far) = (yours(case, from), yours(case, to));
    if case.panicked {
        return None;
    }
    let has_read_it = |row: &Row| row.state == State::CloseWait && row.recv_q <= 1;
    if spins(case) && near.is_some_and(has_read_it) {
        return Some(format!(
            "The end of file of the {} has arrived (CLOSE_WAIT), and a thread of yours is running: \
             `read` returns Ok(0), and your loop treats that as \"no data yet\" and reads again. \
             Pass the end of file on when n is 0, and leave the loop.",
            from.name
        ));
    }
    let Some(far) = far else {
        if exams(case, to).is_some() {
            return None;
        }
        return Some(format!(
            "Your connection to the {1} was reset, although the {0} has only half-closed. A socket \
             that is closed with unread bytes sends RST, and so does one with SO_LINGER of zero. \
             Use `shutdown(Shutdown::Write)` to pass a FIN on.",
            from.name, to.name
        ));
    };
    let Some(near) = near else {
        return Some(format!(
            "Your code has closed, or shut down, the connection to the {0}, from which the end of \
             file came. The {1} still waits ({2}). Shut down the sending half of the connection to \
             the {1}.",
            from.name, to.name, far.state
        ));
    };
    if !is_still(case) {
        return None;
    }
    if near.recv_q > 0 && case.is_blocked_in(&[Call::Write]) {
        return Some(format!(
            "What the {0} has sent, its FIN included, is unread in your socket's Recv-Q ({1}), and \
             a thread of yours is blocked in a write, because the side that it writes to does not \
             read. If that thread serves both directions, it delays both. Use one thread for each \
             direction, or write without blocking.",
            from.name, near.recv_q
        ));
    }
    if near.recv_q > 1 {
        return Some(format!(
            "What the {0} sent before its FIN is unread in your socket's Recv-Q ({1}): no thread \
             of yours reads it. Use one thread for each direction, or poll both.",
            from.name, near.recv_q
        ));
    }
    if near.recv_q == 1 {
        return Some(format!(
            "The FIN of the {} has arrived, and is unread in your socket's Recv-Q (it counts as \
             one): no thread of yours reads there. Use one thread for each direction, or poll \
             both.",
            from.name
        ));
    }
    let ends = matches!(far.state, State::Established | State::CloseWait);
    (near.state == State::CloseWait && ends).then(|| format!(
        "Your relay has read the end of file of the {0} (CLOSE_WAIT, and Recv-Q is 0), but it has \
         sent no FIN to the {1}: your connection there is still {2}. The end of a copy sends none, \
         and dropping one of several handles sends none either. Call `shutdown(Shutdown::Write)` \
         on the connection to the {1}.",
        from.name, to.name, far.state
    ))
}

/// One side has reset, perhaps after it had half-closed; `relay` has returned Ok, or has not
/// returned.
pub(super) fn loses_the_reset(case: &Case, other: &Side, had_ended: bool) -> Option<String> {
    let common = [PANICS_ON_AN_ERROR, LOSES_THE_ERROR];
    if let Some(cause) = first_of(&common, case) {
        return Some(cause);
    }
    if spins(case) {
        let cause = "Your loop goes on after an error or an end of file: each call returns the \
                     same again immediately. Return the error, and stop reading at end of file.";
        return Some(cause.to_owned());
    }
    let far = yours(case, other);
    let unread = far.map_or(0, |row| row.recv_q);
    let far = far.map(|row| row.state);
    if !had_ended && matches!(far, Some(State::FinWait1 | State::FinWait2)) {
        return Some(format!(
            "Your relay has passed the reset on as an end of file: your connection to the {0} is \
             {1}, so a FIN was sent there, and to the {0} the data looks complete. `unwrap_or(0)` \
             and `if let Ok` turn an error into an end of file. Set SO_LINGER to zero, close, and \
             return the error.",
            other.name,
            far.map_or("", State::name)
        ));
    }
    let waits = case.is_blocked_in(&[Call::Read, Call::Splice, Call::Poll]);
    let waits = waits && far.is_some() && unread == 0 && is_still(case);
    if waits && had_ended {
        return Some(format!(
            "The {0} has sent more after the reset. Your code has read that (Recv-Q is 0), and a \
             thread of yours still waits for the {0}, which may never send again. Either the bytes \
             were not written, and are in a BufWriter or a queue: write them, because only the \
             write returns the reset. Or the write has failed: then the thread that got the error \
             must end the other direction too. `shutdown(Shutdown::Read)` on the connection to the \
             {0} wakes a read that waits there, and sends nothing.",
            other.name
        ));
    }
    waits.then(|| {
        format!(
            "The connection that was reset is over, and a thread of yours still waits for the {0} \
             to send something, which it may never do. The thread that got the error must end the \
             other direction too: `shutdown(Shutdown::Read)` on the connection to the {0} wakes a \
             read that waits there, and sends nothing.",
            other.name
        )
    })
}

/// `relay` has returned an error, and the other side has not been reset.
pub(super) fn other_end_than_a_reset(case: &Case, other: &Side) -> Option<String> {
    if yours(case, other).is_some() {
        return Some(format!(
            "`relay` has returned, and your connection to the {} is still open. Look for a clone, \
             a thread that still owns a handle, or `mem::forget`: the RST is sent when the last \
             handle is closed.",
            other.name
        ));
    }
    // Without a proof and without bytes it was an end of file.
    let has_ended = case.stuck.is_none() && case.arrived.is_empty();
    has_ended.then(|| {
        format!(
            "The {} got an end of file, so to it the data looks complete: a FIN was sent, by a \
         `shutdown` or by the close. With SO_LINGER of zero the close sends a RST instead. Set \
         that before the close, and do not call `shutdown(Shutdown::Write)` or `Both` first: a \
         RST after a FIN comes too late.",
            other.name
        )
    })
}

/// `relay` has returned an error, and the other side's connection was not reset.
pub(super) fn not_reset(case: &Case, other: &Side) -> Option<String> {
    if yours(case, other).is_some() {
        return other_end_than_a_reset(case, other);
    }
    Some(format!(
        "The write to the connection that was reset has failed, and the connection to the {} was \
         closed in order. Its peer got an end of file before, so it does not notice the reset. \
         After an error of a write, too, set SO_LINGER to zero on the connection that the bytes \
         came from, before you close it.",
        other.name
    ))
}

/// `relay` has returned, or has ended, although one side has not half-closed.
pub(super) fn ends_with_one(case: &Case, other: &Side, ended: &Side) -> Option<String> {
    (!case.panicked).then(|| {
        format!(
            "The {1} has half-closed, and the {0} has not: your code has ended both directions. An \
             end of file ends one direction only. Go on until a read from the {0} returns Ok(0), \
             too.",
            other.name, ended.name
        )
    })
}
