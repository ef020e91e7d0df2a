//! The stream is only lent: its options, and what is left after a call.

use super::{
    Writer,
    caller::{Caller, request},
    cause,
};

use crate::checks::lent::fix_buffers;
use crate::exam::{Because, Exam, Options, Peer, Verdict, descriptors, numbered, or_skip};

/// More than the send buffer holds, in bytes.
const LARGE: usize = 400_000;

pub(super) fn leaves_the_options(exam: &Exam, writer: Writer) -> Verdict {
    for no_delay in [false, true] {
        let (peer, caller) = Caller::connect(exam, writer)?;
        or_skip("set TCP_NODELAY", caller.stream.set_nodelay(no_delay))?;
        leaves_them(exam, peer, &caller)?;
    }
    let (peer, caller) = Caller::connect_prepared(exam, writer)?;
    leaves_them(exam, peer, &caller)
}

/// After a request that was sent, and after one that failed.
fn leaves_them(exam: &Exam, peer: Peer, caller: &Caller) -> Verdict {
    fix_buffers(&*caller.stream)?;
    let before = Options::of(&*caller.stream);
    let sent = caller.puts("colour", b"blue")?;
    peer.receives(&sent)?;
    exam.has_options(&*caller.stream, &before, "after `put`")
        .caused_by(cause::LEAVES_AN_OPTION)?;
    let large = numbered(LARGE);
    let answer = caller.call("large", &large)?;
    peer.receives(&request("large", &large))?;
    answer.succeeds("when its request has been read")?;
    let changed = before.changed(&Options::of(&*caller.stream));
    let resized = changed.iter().any(|option| option.starts_with("SO_SNDBUF"));
    exam.has_options(&*caller.stream, &before, "after a large request")
        .caused_by(match resized {
            true => cause::RESIZES_A_BUFFER,
            false => cause::LEAVES_AN_OPTION,
        })?;
    caller.is_reset_by(peer)?;
    caller
        .call("colour", b"red")?
        .returns("after a reset")?
        .ok();
    exam.has_options(&*caller.stream, &before, "after a `put` that failed")
        .caused_by(cause::LEAVES_AN_OPTION)
}

pub(super) fn prepares_with_one_option(exam: &Exam, writer: Writer) -> Verdict {
    let (_peer, caller) = Caller::connect(exam, writer)?;
    fix_buffers(&*caller.stream)?;
    let of = |caller: &Caller| Options::of(&*caller.stream).except(&["TCP_NODELAY"]);
    let before = of(&caller);
    caller.is_prepared()?;
    exam.has_options(&*caller.stream, &before, "after `prepare`")
        .caused_by(cause::PREPARES_TOO_MUCH)
}

pub(super) fn leaves_nothing_open(exam: &Exam, writer: Writer) -> Verdict {
    for (connect, is_reset) in [
        (Caller::connect as fn(_, _) -> _, false),
        (Caller::connect_prepared, false),
        (Caller::connect, true),
        (Caller::connect_prepared, true),
    ] {
        let before = descriptors()?;
        let (peer, caller) = connect(exam, writer)?;
        let request = caller.puts("colour", b"blue")?;
        peer.receives(&request)?;
        if is_reset {
            caller.is_reset_by(peer)?;
            caller
                .call("colour", b"red")?
                .returns("after a reset")?
                .ok();
            is_closed(exam, caller, before)?;
        } else {
            has_no_thread(exam)?;
            is_closed(exam, caller, before + 1)?; // the exam's own end
            peer.ends()?;
        }
        has_no_thread(exam)?;
    }
    Ok(())
}

/// The caller closes its handle, which must be the last one.
fn is_closed(exam: &Exam, caller: Caller, open: usize) -> Verdict {
    drop(caller);
    exam.step("the caller closed its stream");
    exam.must(
        exam.comes_true(|| Ok(descriptors()? <= open))?,
        "no descriptor of the connection to be left",
        "one that your code has opened is still open",
    )
    .caused_by(cause::KEEPS_A_DESCRIPTOR)
}

fn has_no_thread(exam: &Exam) -> Verdict {
    exam.must_leave_no_thread(
        "no thread to be left when `put` has returned",
        "a thread that it started is still there",
    )
    .caused_by(cause::KEEPS_A_THREAD)
}
