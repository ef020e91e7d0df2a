//! What is written immediately, what is queued, and in which order; and that no call waits.

use super::{
    Open,
    owner::{CALLS, Owner},
};
use crate::exam::{Exam, Verdict, numbered};

/// Of the bytes that may be queued, where that is not the subject.
pub(super) const ENOUGH: usize = 1 << 20;

/// How many windows are filled, for calls that can be made only once on each.
const WINDOWS: usize = 4;

pub(super) fn returns_while_the_window_is_full(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
    owner.sends(b"one ")?;
    owner.calls_without_a_pause() // poll may have woken the owner for nothing
}

/// The first `send` that finds no room, and the `finish` after it, come once on a connection.
pub(super) fn returns_when_the_window_has_just_filled(exam: &Exam, open: Open) -> Verdict {
    let (mut sends, mut finishes, mut owners) = (Vec::new(), Vec::new(), Vec::new());
    for _window in 0..WINDOWS {
        let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
        owner.sends(b"the last words")?;
        sends.push(owner.cost);
        owner.finishes()?;
        finishes.push(owner.cost);
        owners.push(owner);
    }
    let owner = &owners[0];
    owner.has_not_paused("send", &sends)?;
    owner.has_not_paused("finish", &finishes)
}

pub(super) fn writes_immediately(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::new(exam, open, ENOUGH)?;
    for word in ["hello", "hello again"] {
        owner.sends(word.as_bytes())?;
        owner.arrives_immediately()?;
    }

    let (mut owner, room) = Owner::with_large_buffers(exam, open)?;
    owner.sends(&numbered(room))?;
    owner.has_left_no_room("send")?;
    owner.drains()
}

/// Far more than the send buffer holds, so that a `write` takes a part, and not in pieces of any
/// buffer's size.
pub(super) fn queues_what_the_kernel_does_not_take(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::new(exam, open, ENOUGH)?;
    for piece in numbered(60_000).chunks(20_000) {
        owner.sends(piece)?;
    }
    owner.drains()
}

pub(super) fn puts_new_bytes_after_queued_ones(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
    owner.sends(b"first, ")?;
    owner.arrives()?; // the peer reads what there was: now the kernel has room again
    owner.waits()?;
    owner.sends(b"second")?;
    owner.drains()
}

pub(super) fn counts_the_queued_bytes(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
    owner.has_queued(0, "nothing was sent yet")?;
    owner.sends(b"one ")?;
    owner.has_queued(4, "the kernel has no room for them")?;
    owner.writes()?;
    owner.has_queued(4, "the kernel has no room for them")?;
    owner.sends(b"two")?;
    owner.has_queued(7, "the kernel has no room for them")?;
    owner.drains()?;
    owner.has_queued(0, "all of them have arrived")?;
    owner.sends(&numbered(60_000))?; // of which the kernel takes a part
    owner.drains()
}

pub(super) fn asks_for_pollout(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
    owner.sends(b"queued")?;
    owner.asks_for_room()?;
    owner.finishes()?; // which changes nothing of that
    owner.asks_for_room()
}

pub(super) fn asks_for_nothing(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::new(exam, open, ENOUGH)?;
    owner.sends(b"hello")?;
    owner.drains()?;
    owner.is_idle()?;
    owner.sends(&numbered(40_000))?;
    owner.drains()?;
    owner.is_idle()?;
    owner.finishes()?;
    owner.is_idle()
}

pub(super) fn empties_the_queue_in_one_call(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
    for _piece in 0..CALLS {
        owner.sends(b"piece ")?;
    }
    owner.drains_in_one_call()?;

    let (mut owner, room) = Owner::with_large_full_buffers(exam, open)?;
    owner.sends_until_queued(room)?;
    owner.drains_in_one_call()?;
    empties_a_ring_in_one_call(exam, open)
}

/// Of the queue, the kernel has taken a part, and new bytes have taken its place: in a ring buffer
/// the queue lies in two pieces.
fn empties_a_ring_in_one_call(exam: &Exam, open: Open) -> Verdict {
    const FULL: usize = 40_000;
    let mut owner = Owner::with_a_full_window(exam, open, FULL)?;
    owner.sends(&numbered(FULL))?;
    owner.arrives()?;
    owner.waits()?;
    owner.writes()?;
    let taken = FULL - owner.queued;
    owner.sends(&numbered(taken))?;
    match owner.gets_room_for(FULL)? {
        true => owner.drains_in_one_call(),
        false => owner.drains(),
    }
}

pub(super) fn has_nothing_to_write(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::new(exam, open, ENOUGH)?;
    owner.writes()?;
    owner.sends(b"hello")?;
    owner.writes()?;
    owner.sends(b"")?;
    owner.writes()?;
    owner.drains()?;

    let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
    owner.sends(b"queued")?;
    owner.sends(b"")?;
    owner.drains()?;
    owner.writes()
}
