//! The socket is shared with the owner: what the outbox must leave alone, and what it must not
//! keep.

use super::{
    Open,
    bytes::ENOUGH,
    cause,
    owner::{Owner, connection},
};
use crate::exam::{Because, Exam, Options, Verdict, numbered};

pub(super) fn leaves_the_receiving_half(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
    owner.peer_sends(b"while bytes are queued")?;
    owner.sends(b"the last words")?;
    owner.writes()?;
    owner.reads(b"while bytes are queued")?;
    owner.finishes()?;
    owner.peer_sends(b"before the FIN")?;
    owner.drains()?;
    owner.ends()?;
    owner.reads(b"before the FIN")?;
    owner.peer_sends(b"after the FIN")?;
    owner.reads(b"after the FIN")?;
    owner.drops_it()?;
    owner.peer_sends(b"after the drop")?;
    owner.reads(b"after the drop")?;

    let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
    owner.sends(b"queued")?;
    owner.drops_it()?;
    owner.peer_sends(b"after the drop")?;
    owner.reads(b"after the drop")
}

pub(super) fn leaves_the_options(exam: &Exam, open: Open) -> Verdict {
    let (peer, stream) = connection(exam)?;
    let before = Options::of(&stream).except(&["O_NONBLOCK"]);
    let mut owner = Owner::of(exam, peer, stream, Vec::new(), open, ENOUGH)?;
    let has_them = |owner: &Owner, when| {
        let has = exam.has_options(&owner.stream, &before, when);
        has.caused_by(cause::CHANGES_AN_OPTION)
    };
    has_them(&owner, "after `outbox`")?;
    owner.sends(&numbered(40_000))?;
    has_them(&owner, "after `send`")?;
    owner.drains()?;
    has_them(&owner, "after `writable`")?;
    owner.finishes()?;
    has_them(&owner, "after `finish`")
}

pub(super) fn leaves_nothing_open(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::new(exam, open, ENOUGH)?;
    owner.sends(b"hello")?;
    owner.drains()?;
    owner.finishes()?;
    owner.leaves_nothing_when_dropped()?;

    let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
    owner.sends(b"queued")?;
    owner.leaves_nothing_when_dropped()
}
