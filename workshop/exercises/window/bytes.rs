//! What is written at once, what is queued, in which order, and how much of it.

use std::io::ErrorKind::{InvalidInput, WouldBlock};

use super::{
    Open,
    owner::{CALLS, Owner},
};
use crate::exam::{Exam, Verdict, numbered};

/// Of the bytes that may be queued, where that is not the subject.
const ENOUGH: usize = 1 << 20;

pub(super) fn writes_at_once(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::new(exam, open, ENOUGH)?;
    for word in ["hello", "hello again"] {
        owner.sends(word.as_bytes())?;
        owner.arrives_at_once()?;
    }
    Ok(())
}

pub(super) fn does_not_wait_for_a_full_window(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
    owner.sends(b"one ")?;
    owner.has_queued(4, "the kernel has room for none of them")?;
    owner.calls_without_a_pause()?; // poll may have woken the owner for nothing
    owner.has_queued(4 + CALLS, "the kernel has room for none of them")?;
    owner.sends(b"two")?;
    owner.has_queued(7 + CALLS, "the kernel has room for none of them")?;
    owner.drains_in_one_call()
}

/// Far more than the send buffer holds, so that a `write` takes a part, and not in pieces of any
/// buffer's size.
pub(super) fn goes_on_where_the_kernel_has_stopped(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::new(exam, open, ENOUGH)?;
    for piece in numbered(60_000).chunks(20_000) {
        owner.sends(piece)?;
    }
    owner.drains()
}

pub(super) fn keeps_what_comes_later_behind(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
    owner.sends(b"first, ")?;
    owner.arrives()?; // the peer reads what there was: now the kernel has room again
    owner.waits()?;
    owner.sends(b"second")?;
    owner.drains()
}

pub(super) fn takes_all_or_nothing(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::with_a_full_window(exam, open, 10)?;
    owner.sends(b"12345678")?;
    owner.is_refused(b"abc", WouldBlock)?;
    owner.sends(b"90")?;
    owner.has_queued(10, "that is the limit")?;
    owner.is_refused(b"d", WouldBlock)?;
    owner.drains()?;
    owner.sends(b"room again")?;
    owner.drains()
}

pub(super) fn refuses_what_it_could_never_queue(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::new(exam, open, 10)?;
    owner.is_refused(b"eleven byte", InvalidInput)?;
    owner.sends(b"ten bytes.")?;
    owner.drains()
}

pub(super) fn leaves_poll_idle(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::new(exam, open, ENOUGH)?;
    owner.sends(b"hello")?;
    owner.drains()?;
    owner.is_idle()?;
    owner.sends(&numbered(40_000))?;
    owner.drains()?;
    owner.is_idle()
}
