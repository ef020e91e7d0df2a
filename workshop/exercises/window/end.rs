//! How a connection ends: by the outbox's FIN, or by the peer's RST.

use std::io::ErrorKind;

use super::{Open, cause, owner::Owner};
use crate::exam::{Because, Exam, Verdict};

/// Of the bytes that may be queued, where that is not the subject.
const ENOUGH: usize = 1000;

pub(super) fn sends_the_fin_behind_the_last_byte(exam: &Exam, open: Open) -> Verdict {
    with_nothing_queued(exam, open)?;
    with_bytes_queued(exam, open)
}

fn with_nothing_queued(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::new(exam, open, ENOUGH)?;
    owner.sends(b"bye")?;
    owner.finishes()?;
    owner.drains()?;
    owner.ends()?;
    owner.is_refused(b"and more", ErrorKind::BrokenPipe)
}

fn with_bytes_queued(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
    owner.sends(b"the last words")?;
    owner.finishes()?;
    owner.has_queued(14, "the window is full still")?;
    owner.is_refused(b", and more", ErrorKind::BrokenPipe)?;
    owner.drains()?;
    owner.ends()?;
    owner.hears_the_peer_close()?;
    owner.writes()
}

pub(super) fn takes_a_reset_for_an_error(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
    owner.sends(b"queued")?;
    owner.is_reset()?;
    exam.step("called `writable`");
    let written = owner.call("writable", |outbox| outbox.writable())?;
    tells_the_reset(exam, "writable", written)?;

    let mut owner = Owner::new(exam, open, ENOUGH)?;
    owner.is_reset()?;
    exam.step("called `send` with \"hello\"");
    let sent = owner.call("send", |outbox| outbox.send(b"hello"))?;
    tells_the_reset(exam, "send", sent)
}

fn tells_the_reset(exam: &Exam, function: &str, result: std::io::Result<()>) -> Verdict {
    let kind = result.map_err(|error| error.kind());
    let told = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    let expected = format!("`{function}` to return the reset: ConnectionReset or BrokenPipe");
    let seen = match kind {
        Ok(()) => "it has returned Ok".to_owned(),
        Err(kind) => format!("it has returned an error of the kind {kind:?}"),
    };
    let holds = kind.is_err_and(|kind| told.contains(&kind));
    exam.must(holds, expected, seen)
        .caused_by(cause::loses_the_reset(kind))
}
