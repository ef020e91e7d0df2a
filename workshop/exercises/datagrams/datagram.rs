//! What is sent, what is returned, and what is none of it.

use super::{
    Ask,
    call::{Pair, Text, Wanted, datagram},
};

use crate::exam::{AMPLE, Exam, Stuck, Verdict, numbered};

/// The most that fits into a datagram of IPv4 behind the number.
const MOST: usize = 65_507 - 4;

pub(super) fn sends_and_returns(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    let calls: [(u32, &[u8], &[u8]); 3] = [
        (0x0102_0304, b"hello", b"HELLO"),
        (7, b"", b"to nothing, something"),
        (u32::MAX, b"two\nlines\0", b""),
    ];
    for (number, request, text) in calls {
        let call = pair.call(request, number, AMPLE)?;
        pair.hears(&call)?;
        pair.answers(number, text)?;
        call.returns(Wanted::Text(text), |got, _| {
            (text.is_empty() && !matches!(got, Some(Ok(_)))).then(|| {
                "The answer has come, 4 bytes, its number: a text of no bytes is a text. Only fewer \
                 than 4 bytes are too few."
                    .to_owned()
            })
        })?;
    }
    Ok(())
}

pub(super) fn takes_an_answer_of_any_size(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    for (number, size) in (1..).zip([600, 2000, 9000, MOST]) {
        let text = &numbered(size + 8)[..size];
        let call = pair.call(b"how much?", number, AMPLE)?;
        pair.hears(&call)?;
        pair.answers(number, text)?;
        call.returns(Wanted::Text(text), |_, _| None)?;
    }
    Ok(())
}

pub(super) fn takes_no_other_for_the_answer(exam: &Exam, ask: Ask) -> Verdict {
    const NUMBER: u32 = 0x0a0b_0c0d;
    let pair = Pair::new(exam, ask)?;
    // Late, to a question that nobody asks any more: it stands in the receive buffer by now.
    pair.answers(NUMBER - 1, b"too late")?;
    let call = pair.call(b"which is mine?", NUMBER, AMPLE)?;
    pair.hears(&call)?;
    // The last of these differs in the third byte only: in its place in a buffer, the first 3 bytes
    // of the right number behind it would make that number.
    for number in [NUMBER.swap_bytes(), NUMBER + 1, NUMBER - 0x100] {
        pair.answers(number, b"not yours")?;
    }
    let whole = NUMBER.to_be_bytes();
    exam.step("sent the first 3 bytes of the right number, the first of them, and no byte at all");
    for short in [&whole[..3], &whole[..1], &[]] {
        pair.sends(short)?;
    }
    exam.step("sent a datagram that has the number in its text only");
    pair.sends(&datagram(NUMBER + 2, &datagram(NUMBER, b"within")))?;
    pair.answers(NUMBER, b"yours")?;
    pair.answers(NUMBER, b"again")?;
    call.returns(Wanted::Text(b"yours"), |got, case| {
        let cause = match got {
            Some(Ok(Text(text))) if text == b"again" => {
                "The answer came before this one, with the same number: it was dropped, or overwritten."
            }
            Some(Ok(_)) => {
                "Another datagram was taken for the answer. The answer has the question's number, all 4 \
                 bytes of it, at its beginning, among the n bytes that `recv` has returned: what stands \
                 behind these in the buffer is left from an earlier datagram."
            }
            Some(Err(_)) => {
                "It has given up because of a datagram that is not the answer. On such a link that means \
                 nothing: drop it, and go on waiting."
            }
            None if matches!(case.stuck, Some(Stuck::Spin(..))) => return None,
            None => {
                "The answer has come, with the right number: either it was dropped, like the others before \
                 it, or these are still where they were."
            }
        };
        Some(cause.to_owned())
    })
    .map(drop)
}
