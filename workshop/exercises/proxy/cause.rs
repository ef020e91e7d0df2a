//! What a relay can do wrong, by what the kernel shows of its ends of both connections.

use super::relaying::Side;
use socket_workshop::table::{Row, State};

use crate::exam::{Awaited, Call, Case, Stuck, Whose};

pub(super) const TAKES_TOO_MUCH: &str = "What one side sends is taken, and kept in memory, as fast as it \
     comes, although the other side does not read: a queue without a limit grows for as long as the one \
     is faster than the other. Read again when what was read has been written: then the kernel holds the \
     sender up (its window is zero).";

pub(super) const SPINS: &str = "It does not wait in the kernel, but asks again and again whether something \
     has come: a non-blocking read, or a timeout that is much too short. A read that blocks, or `poll` for \
     both connections without a limit, sleeps until there is something to do.";

pub(super) const A_THREAD_IS_LEFT: &str = "A thread that `relay` has started is still there, and with it \
     whatever it holds. Join it before you return, and see to it that its read ends: nobody may ever say \
     anything more on its connection.";

pub(super) const DESCRIPTORS_ARE_LEFT: &str = "A clone of a socket, a pipe or a poll instance lives on: \
     forgotten, or held by a thread that is still there. Nobody will ever close it, and a proxy that \
     leaves one for each client comes to its limit.";

/// The relay's end of the connection to a side, if it still has one.
fn yours<'a>(case: &'a Case, side: &Side) -> Option<&'a Row> {
    let sockets = case.evidence.sockets.iter();
    let mut yours = sockets.filter(|seen| matches!(seen.whose, Whose::Yours(_)));
    yours
        .find(|seen| seen.row.end() == side.end)
        .map(|seen| &seen.row)
}

/// A side's end of its connection, if the kernel still has it. It shows whether a FIN has come.
fn exams<'a>(case: &'a Case, side: &Side) -> Option<&'a Row> {
    let mut rows = case.evidence.sockets.iter().map(|seen| &seen.row);
    rows.find(|row| row.end() == side.end.other())
}

/// Whether nothing moves any more: what stands somewhere stays there.
fn is_still(case: &Case) -> bool {
    matches!(case.stuck, Some(Stuck::Hang(_) | Stuck::Idle(..)))
}

fn spins(case: &Case) -> bool {
    matches!(case.stuck, Some(Stuck::Spin(..)))
}

/// `to` has not got the bytes that `from` has sent.
pub(super) fn not_passed(case: &Case, from: &Side, to: &Side) -> Option<String> {
    let (near, far) = (yours(case, from), yours(case, to));
    if case.panicked {
        return None;
    }
    if !case.arrived.is_empty() && !case.wanted.starts_with(&case.arrived) {
        return Some(OTHER_BYTES.to_owned());
    }
    let open = |row: &&Row| matches!(row.state, State::Established | State::CloseWait);
    let Some(far) = far.filter(open) else {
        return Some(ended_too_early(from, to));
    };
    if !is_still(case) {
        return None;
    }
    let unread = near.map_or(0, |row| row.recv_q);
    Some(if unread > 0 && case.is_blocked_in(&[Call::Write]) {
        format!(
            "What the {} has sent stands unread in your socket's Recv-Q ({unread}), and a thread of yours is \
             blocked in a write to the side that does not read. If that thread serves both directions, it \
             holds up both: give each direction a thread of its own, or write without blocking.",
            from.name
        )
    } else if unread > 0 && case.is_blocked_in(&[Call::Read, Call::Splice, Call::Poll]) {
        format!(
            "What the {0} has sent stands unread in your socket's Recv-Q ({unread}), and a thread of yours \
             waits for something else: for the {1} to speak, or to end. A proxy cannot know whose turn it \
             is, and both may speak at once: give each direction a thread of its own, or poll both.",
            from.name, to.name
        )
    } else if unread > 0 && case.is_blocked_in(&[Call::Lock]) {
        format!(
            "What the {} has sent stands unread in your socket's Recv-Q ({unread}): no thread of yours reads \
             it, and one waits for another thread, in a join or for a lock.",
            from.name
        )
    } else if near.is_some() && unread == 0 && far.send_q == 0 {
        format!(
            "What the {} has sent has been read (Recv-Q is 0), and has not been passed on. Either your code \
             waits for more first (`read_to_end` for the end of file, `read_exact` for a full buffer, \
             `lines` for a newline), or it stands in a BufWriter or a queue: pass on what each read brings.",
            from.name
        )
    } else {
        return None;
    })
}

const OTHER_BYTES: &str = "What arrived is not what was sent. `read` returns n, how many bytes it has put \
     into the buffer; behind them are zeros, or an earlier read's bytes: write `&buf[..n]`, all of it, and \
     change nothing.";

/// The relay has closed or half-closed towards `to`, which still waited for bytes.
fn ended_too_early(from: &Side, to: &Side) -> String {
    if !from.has_ended.get() {
        return format!(
            "Your connection to the {1} is closed, or its sending half is, although the {0} has not ended. \
             Each end of file is of one direction, and passed on in that one: the other goes on until the \
             {0} sends its own. Whoever closes both at the first cuts off what is still to come.",
            from.name, to.name
        );
    }
    format!(
        "Your connection to the {1} is closed, or its sending half is, before all that the {0} had sent was \
         passed on. End of file comes behind the data: read until Ok(0), and write all that came, before \
         you shut down anything. And a close with SO_LINGER of zero, which is for a reset, throws away \
         what is written and not sent yet.",
        from.name, to.name
    )
}

/// `to` has not got the end of file of `from`, which has half-closed.
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
            "The end of file of the {} has come (CLOSE_WAIT), and a thread of yours is running: `read` \
             returns Ok(0), and the loop takes it for data and reads again, for ever.",
            from.name
        ));
    }
    let Some(far) = far else {
        if exams(case, to).is_some() {
            return None;
        }
        return Some(format!(
            "Your connection to the {1} is no more, and no orderly end of file has come there: it was reset. \
             The {0} has only half-closed. A socket that is closed with bytes unread sends RST, and so does \
             one with SO_LINGER of zero.",
            from.name, to.name
        ));
    };
    let Some(near) = near else {
        return Some(format!(
            "You have closed, or shut down, the connection to the {0}, from which the end of file came. It \
             is the other one, to the {1}, whose sending half must be shut down. The {1} still waits ({2}).",
            from.name, to.name, far.state
        ));
    };
    if !is_still(case) {
        return None;
    }
    if near.recv_q > 1 {
        return Some(format!(
            "What the {0} sent before its FIN stands unread in your socket's Recv-Q ({1}): no thread of yours \
             reads it. It waits elsewhere.",
            from.name, near.recv_q
        ));
    }
    if near.recv_q == 1 {
        return Some(format!(
            "The FIN of the {} has come, and stands unread in your socket's Recv-Q (it counts for one): no \
             thread of yours reads there. It waits elsewhere.",
            from.name
        ));
    }
    let ends = matches!(far.state, State::Established | State::CloseWait);
    (near.state == State::CloseWait && ends).then(|| format!(
        "Your relay has read the end of file of the {0} (CLOSE_WAIT, and Recv-Q is 0), and the {1} has not \
         heard of it: your connection there is {2} still. That a copy has ended tells nobody, nor does it \
         to drop one of several handles. `shutdown(Shutdown::Write)` of the connection to the {1} sends \
         the FIN.",
        from.name, to.name, far.state
    ))
}

/// One side has reset, perhaps after it had half-closed; `relay` has returned Ok, or has not returned.
pub(super) fn loses_the_reset(case: &Case, other: &Side, had_ended: bool) -> Option<String> {
    if case.panicked {
        let cause = "A reset is an error that a `read` or a `write` returns, and an `unwrap` makes a panic of \
                     it. Pass the reset on, and return the error with `?`.";
        return Some(cause.to_owned());
    }
    if spins(case) {
        let cause =
            "The loop goes on after an error: each call fails again, or finds the end, for ever.";
        return Some(cause.to_owned());
    }
    if case.awaited != Awaited::Return {
        let cause = "`read` or `write` returned an error, and it was lost: `unwrap_or(0)` makes an end of file \
                     of it that never was, `let _ =` nothing at all. It is the caller's to know.";
        return Some(cause.to_owned());
    }
    let far = yours(case, other);
    let unread = far.map_or(0, |row| row.recv_q);
    let far = far.map(|row| row.state);
    if !had_ended && matches!(far, Some(State::FinWait1 | State::FinWait2)) {
        return Some(format!(
            "The reset was passed on as an end of file: your connection to the {0} is {1}, so a FIN has been \
             sent there, and the {0} takes what it has for all there was. An error of `read` or `write` is no \
             end of file, though `unwrap_or(0)` and `if let Ok` make one of it.",
            other.name,
            far.map_or("", State::name)
        ));
    }
    let waits = case.is_blocked_in(&[Call::Read, Call::Splice, Call::Poll]);
    (waits && far.is_some() && unread == 0 && is_still(case)).then(|| {
        format!(
            "The connection that was reset is over, and a thread of yours still waits for the {0} to say \
             something, which it need never do. Whoever meets the reset must end the other direction too: \
             `shutdown(Shutdown::Read)` of the connection to the {0} lets a read that waits there return 0, \
             and sends nothing.",
            other.name
        )
    })
}

/// `relay` has returned an error, and the other side has not been reset.
pub(super) fn other_end_than_a_reset(case: &Case, other: &Side) -> Option<String> {
    if yours(case, other).is_some() {
        return Some(format!(
            "`relay` has returned, and your connection to the {} is still open: a handle of it lives on, in \
             a clone, in another thread, or forgotten.",
            other.name
        ));
    }
    // A wait in vain has a proof, and bytes have arrived: what remains is an end of file.
    let has_ended = case.stuck.is_none() && case.arrived.is_empty();
    has_ended.then(|| format!(
        "The {} has got an end of file, and takes what it has for all there was: a FIN was sent, by a \
         `shutdown` or by the close. With SO_LINGER of zero, set before the close, the close sends an RST; \
         but behind the FIN of a `shutdown(Shutdown::Write)`, or `Both`, that comes too late.",
        other.name
    ))
}

/// `relay` has returned an error, and the other side's connection goes on as if half of it were well.
pub(super) fn not_reset(case: &Case, other: &Side) -> Option<String> {
    if yours(case, other).is_some() {
        return other_end_than_a_reset(case, other);
    }
    Some(format!(
        "The write to the connection that had been reset has failed, and the connection to the {} was \
         closed in order: that tells it nothing, for it has had its end of file before. An error \
         of a write is a reset, too: set SO_LINGER to zero where the bytes came from, before it is closed.",
        other.name
    ))
}
