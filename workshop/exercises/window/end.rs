//! How a connection ends: by the outbox's FIN, or by the peer's RST.

use std::io::{self, ErrorKind};

use super::{Open, cause, owner::Owner};
use crate::exam::{Because, Exam, Verdict, diagnosis::PANICS_ON_AN_ERROR};

/// Of the bytes that may be queued, where that is not the subject.
const ENOUGH: usize = 1000;

pub(super) fn half_closes_immediately(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::new(exam, open, ENOUGH)?;
    owner.sends(b"bye")?;
    owner.finishes()?;
    owner.arrives()?;
    owner.ends()?;

    let mut owner = Owner::new(exam, open, ENOUGH)?;
    owner.finishes()?;
    owner.ends()
}

pub(super) fn half_closes_after_the_last_byte(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
    owner.sends(b"the last words")?;
    owner.finishes()?;
    owner.has_queued(14, "the window is still full")?;
    owner.drains()?;
    owner.ends()
}

pub(super) fn refuses_to_send_after_finish(exam: &Exam, open: Open) -> Verdict {
    let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
    owner.sends(b"the last words")?;
    owner.finishes()?;
    owner.takes_nothing(b", and more", ErrorKind::BrokenPipe)?;
    owner.takes_nothing(&[b'x'; ENOUGH], ErrorKind::BrokenPipe)?;
    owner.takes_nothing(&[b'x'; ENOUGH + 1], ErrorKind::BrokenPipe)?;
    owner.takes_nothing(b"", ErrorKind::BrokenPipe)?;
    owner.arrives()?;
    owner.waits()?;
    owner.takes_nothing(b", and more", ErrorKind::BrokenPipe)?; // although the kernel has room

    let mut owner = Owner::new(exam, open, ENOUGH)?;
    owner.sends(b"bye")?;
    owner.finishes()?;
    owner.takes_nothing(b"and more", ErrorKind::BrokenPipe)?;
    owner.takes_nothing(b"", ErrorKind::BrokenPipe)
}

pub(super) fn shuts_down_once(exam: &Exam, open: Open) -> Verdict {
    for writes_before_the_peer_closes in [true, false] {
        let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
        owner.sends(b"the last words")?;
        owner.finishes()?;
        owner.drains()?;
        is_over(owner, writes_before_the_peer_closes)?;

        let mut owner = Owner::new(exam, open, ENOUGH)?;
        owner.sends(b"bye")?;
        owner.finishes()?; // with nothing queued
        owner.arrives()?;
        is_over(owner, writes_before_the_peer_closes)?;
    }
    Ok(())
}

/// The FIN is sent, and the peer closes too: from then on a second `shutdown` fails. In a `writable`
/// before, it succeeds, and an outbox may make no third one.
fn is_over(mut owner: Owner, writes_before_the_peer_closes: bool) -> Verdict {
    if writes_before_the_peer_closes {
        owner.writes()?;
    }
    owner.ends()?;
    owner.sees_the_peer_close()?;
    owner.writes()
}

pub(super) fn returns_the_error_of_a_reset(exam: &Exam, open: Open) -> Verdict {
    for has_finished in [false, true] {
        let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
        owner.sends(b"queued")?;
        if has_finished {
            owner.finishes()?; // the bytes are not sent, and the owner must know
        }
        owner.is_reset()?;
        exam.step("called `writable`");
        let written = owner
            .call("writable", |outbox| outbox.writable())
            .diagnose(&[PANICS_ON_AN_ERROR])?;
        returns_the_reset(exam, "writable", written)?;
    }

    let mut owner = Owner::new(exam, open, ENOUGH)?;
    owner.is_reset()?;
    exam.step("called `send` with \"hello\"");
    let sent = owner
        .call("send", |outbox| outbox.send(b"hello"))
        .diagnose(&[PANICS_ON_AN_ERROR])?;
    returns_the_reset(exam, "send", sent)?;
    returns_epipe(exam, open)?;

    let mut owner = Owner::new(exam, open, ENOUGH)?;
    owner.is_reset()?;
    exam.step("called `finish`");
    owner
        .call("finish", |outbox| outbox.finish())
        .because(cause::unwraps_shutdown)
        .map(drop) // nothing is left to be sent: Ok is as good as the error of `shutdown`
}

/// After the peer's end of file a reset is reported as EPIPE, from the first `write` on.
fn returns_epipe(exam: &Exam, open: Open) -> Verdict {
    let must = |function: &str, result: io::Result<()>| {
        let kind = result.map_err(|error| error.kind());
        exam.must(
            kind == Err(ErrorKind::BrokenPipe),
            format!("`{function}` to return the error of `write`: BrokenPipe"),
            match kind {
                Ok(()) => "it has returned Ok".to_owned(),
                Err(kind) => format!("it has returned an error of the kind {kind:?}"),
            },
        )
        .caused_by(cause::LOSES_EPIPE)
    };
    let mut owner = Owner::with_a_full_window(exam, open, ENOUGH)?;
    owner.sends(b"queued")?;
    owner.is_half_closed_and_reset()?;
    exam.step("called `writable`");
    let written = owner.call("writable", |outbox| outbox.writable())?;
    must("writable", written)?;

    let mut owner = Owner::new(exam, open, ENOUGH)?;
    owner.is_half_closed_and_reset()?;
    exam.step("called `send` with \"hello\"");
    let sent = owner.call("send", |outbox| outbox.send(b"hello"))?;
    must("send", sent)
}

/// The first `write` after the reset returns ECONNRESET. Only a later one returns EPIPE.
fn returns_the_reset(exam: &Exam, function: &str, result: io::Result<()>) -> Verdict {
    let kind = result.map_err(|error| error.kind());
    let expected = format!("`{function}` to return the error of `write`: ConnectionReset");
    let seen = match kind {
        Ok(()) => "it has returned Ok".to_owned(),
        Err(kind) => format!("it has returned an error of the kind {kind:?}"),
    };
    exam.must(kind == Err(ErrorKind::ConnectionReset), expected, seen)
        .caused_by(cause::loses_the_reset(kind))
}
