//! How many bytes may be queued, and what is refused.

use std::io::ErrorKind::{InvalidInput, WouldBlock};

use super::{Open, cause, owner::Owner};
use crate::exam::{Because, Exam, Verdict, numbered};

pub(super) fn refuses_what_exceeds_it(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::with_a_full_window(exam, open, 10)?;
    owner.sends(b"12345678")?;
    owner.is_refused(b"abc", WouldBlock)?;
    owner.sends(b"90")?;
    owner.has_queued(10, "that is the limit")?;
    owner.is_refused(b"d", WouldBlock)?;
    owner.sends(b"")?;
    owner.drains()?;
    owner.sends(b"room again")?;
    owner.drains()
}

pub(super) fn refuses_what_could_never_be_queued(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::new(exam, open, 10)?;
    owner.is_refused(b"eleven byte", InvalidInput)?;
    owner.sends(b"ten bytes.")?;
    owner.drains()?;
    let mut owner = Owner::with_a_full_window(exam, open, 10)?;
    owner.sends(b"ten queued")?;
    owner.is_refused(b"eleven byte", InvalidInput)
}

pub(super) fn accepts_nothing_of_a_refused_send(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::with_a_full_window(exam, open, 10)?;
    owner.sends(b"12345678")?;
    owner.takes_nothing(b"abc", WouldBlock)?;
    owner.takes_nothing(b"eleven byte", InvalidInput)?;
    owner.sends(b"90")?;
    owner.takes_nothing(b"d", WouldBlock)?;
    owner.drains()?;

    let mut owner = Owner::new(exam, open, 10)?;
    owner.takes_nothing(b"eleven byte", InvalidInput)?;
    owner.sends(b"ten bytes.")?;
    owner.drains()?;

    // With room in the kernel, a refused `send` could write what is queued.
    let mut owner = Owner::with_a_full_window(exam, open, 10)?;
    owner.sends(b"12345678")?;
    owner.arrives()?;
    owner.waits()?;
    owner.takes_nothing(b"eleven byte", InvalidInput)?;
    owner.takes_all_or_nothing(b"abc")?;
    owner.drains()
}

pub(super) fn accepts_any(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::new(exam, open, 0).because(|case| cause::fails_at(0, case))?;
    owner.sends(b"").because(|case| cause::fails_at(0, case))?;
    owner
        .is_refused(b"0", InvalidInput)
        .because(|case| cause::fails_at(0, case))?;

    // Cut to 32 bits, or to fewer, the first is 0; so it is where a usize has no more.
    let large = [usize::MAX - (u32::MAX as usize), usize::MAX];
    for limit in large.into_iter().filter(|limit| *limit > 0) {
        let fails = |case: &_| cause::fails_at(limit, case);
        let owner = Owner::new(exam, open, limit);
        let mut owner = owner.because(|case| cause::is_not_made(limit, case))?;
        owner.sends(&numbered(40_000)).because(fails)?;
        owner.sends(b"more").because(fails)?;
        owner.drains()?;
    }
    Ok(())
}
