//! What is sent, what is returned, and what is dropped.

use super::{
    Ask,
    harness::{Pair, Text, Wanted, datagram},
};

use crate::exam::{AMPLE, Exam, Stuck, Verdict, numbered};

/// The most that fits into a datagram of IPv4 after the number.
const MOST: usize = 65_507 - 4;

pub(super) fn sends_number_and_request(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    let requests: [(u32, &[u8]); 5] = [
        (0x0102_0304, b"hello"),
        (0, b"to number zero"),
        (7, b""),
        (u32::MAX, b"two\nlines\0"),
        (0xff00, &numbered(8000)),
    ];
    for (number, request) in requests {
        let call = pair.call(request, number, AMPLE)?;
        pair.receives(&call)?;
        pair.answers(number, b"yes")?;
        call.answer.returns("after the answer")?.ok();
    }
    Ok(())
}

pub(super) fn returns_the_text(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    let answers: [(u32, &[u8]); 4] = [
        (0x0102_0304, b"HELLO"),
        (0, b"from number zero"),
        (7, b"\xff\0 bytes"),
        (u32::MAX, b""),
    ];
    for (number, text) in answers {
        let call = pair.call(b"hello", number, AMPLE)?;
        pair.receives(&call)?;
        pair.answers(number, text)?;
        call.returns(Wanted::Text(text), |got, _| {
            (text.is_empty() && !matches!(got, Some(Ok(_)))).then(|| {
                "The answer has arrived. It has only the 4 bytes of its number, so the text is \
                 empty. An empty text is valid: drop only a datagram with fewer than 4 bytes."
                    .to_owned()
            })
        })?;
    }
    Ok(())
}

pub(super) fn accepts_any_size(exam: &Exam, ask: Ask) -> Verdict {
    let pair = Pair::new(exam, ask)?;
    for (number, size) in (1..).zip([508, 512, 1024, 1472, 4096, 8192, 16_384, MOST - 1, MOST]) {
        let text = &numbered(size + 8)[..size];
        let call = pair.call(b"how much?", number, AMPLE)?;
        pair.receives(&call)?;
        pair.answers(number, text)?;
        call.returns(Wanted::Text(text), |_, _| None)?;
    }
    Ok(())
}

pub(super) fn drops_every_other(exam: &Exam, ask: Ask) -> Verdict {
    const NUMBER: u32 = 0x0a0b_0c0d;
    let pair = Pair::new(exam, ask)?;
    // The late answer to an earlier question: it is in the receive buffer by now.
    pair.answers(NUMBER - 1, b"too late")?;
    let call = pair.call(b"which is mine?", NUMBER, AMPLE)?;
    pair.receives(&call)?;
    // The last of these differs in the third byte only: in its place in a buffer, the first 3 bytes
    // of the right number after it would complete that number.
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
                "The answer arrived before this one, with the same number, and was dropped or \
                 overwritten. Return the first datagram with the number."
            }
            Some(Ok(_)) => {
                "Another datagram was returned as the answer. The answer begins with all 4 bytes \
                 of the question's number. They must be among the n bytes of this datagram: after \
                 those the buffer holds zeros, or bytes of an earlier datagram. Compare `buf[..n]`."
            }
            Some(Err(_)) => {
                "`ask` returned an error because of a datagram that is not the answer. Drop it, \
                 and wait on."
            }
            None if matches!(case.stuck, Some(Stuck::Spin(..))) => return None,
            None => {
                "The answer has arrived, with the right number. Either it was dropped, like the \
                 others before it, or the others are still in the receive queue."
            }
        };
        Some(cause.to_owned())
    })?;
    drops_what_zeros_complete(&pair)
}

/// With too few bytes, in a buffer of zeros, the number would be 0.
fn drops_what_zeros_complete(pair: &Pair) -> Verdict {
    let call = pair.call(b"and zero?", 0, AMPLE)?;
    pair.receives(&call)?;
    pair.exam
        .step("sent no byte, a byte of zero, and three of them");
    for short in [&[][..], &[0], &[0; 3]] {
        pair.sends(short)?;
    }
    pair.answers(0, b"yours")?;
    call.returns(Wanted::Text(b"yours"), |got, _| {
        matches!(got, Some(Ok(_))).then(|| {
            "A datagram with fewer than 4 bytes was returned as the answer. It has no number: the \
             bytes after it in the buffer are zeros. Compare `buf[..n]`."
                .to_owned()
        })
    })
    .map(drop)
}
