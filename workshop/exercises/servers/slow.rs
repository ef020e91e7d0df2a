//! A client that does not read its answers.

use super::{
    Serve, cause,
    serving::{LONG, SHORT, Serving, answer_to, lines_from},
};
use crate::exam::{Because, Exam, Verdict};

pub(super) fn delays_no_other(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin_with_small_buffers(exam, serve)?;
    let other = serving.client("other client")?;
    serving.answers(&other, b"before\n")?;
    let slow = serving.narrow_client("slow client")?;
    serving.fills(&slow)?;
    serving.answers(&other, b"meanwhile\n")?;
    let third = serving.client("third client")?;
    serving.answers(&third, b"third\n")
}

pub(super) fn sends_everything(exam: &Exam, serve: Serve) -> Verdict {
    for length in [LONG, SHORT] {
        let serving = Serving::begin_with_small_buffers(exam, serve)?;
        let slow = serving.narrow_client("slow client")?;
        let sent = serving.fills_with(&slow, length)?;
        serving.receives(&slow, &answer_to(&sent))?;
        // It has read everything, and is a client as any other again.
        let begun = sent.len() % length;
        let rest = &lines_from(sent.len(), length)[..length - begun];
        slow.send(rest)?;
        let line = [&sent[sent.len() - begun..], rest].concat();
        serving.receives(&slow, &answer_to(&line))?;
        serving.answers(&slow, b"all of it\n")?;

        // Once more, a little at a time.
        let sent = serving.fills_with(&slow, length)?;
        for piece in answer_to(&sent).chunks(1 << 10).take(20) {
            serving.receives(&slow, piece)?;
            exam.comes_to_rest()?;
        }
    }
    Ok(())
}

pub(super) fn waits_for_room(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin_with_small_buffers(exam, serve)?;
    let slow = serving.narrow_client("slow client")?;
    serving.fills(&slow)?;
    serving.rests("while a client does not read")?;

    let ended = serving.narrow_client("second slow client")?;
    serving.fills(&ended)?;
    ended.half_close()?;
    serving.rests("while a client does not read, and has half-closed")
}

pub(super) fn holds_a_mebibyte(exam: &Exam, serve: Serve) -> Verdict {
    let serving = Serving::begin_with_small_buffers(exam, serve)?;
    let slow = serving.narrow_client("slow client")?;
    let taken = serving.fills(&slow)?.len();
    exam.must(
        taken <= (1 << 20) + (512 << 10),
        "at most 1 MiB to be held, besides what the kernel's buffers hold",
        format!("{taken} bytes have been taken from the client"),
    )
    .caused_by(cause::TAKES_TOO_MUCH)
}
