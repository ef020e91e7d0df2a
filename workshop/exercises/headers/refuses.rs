//! Bytes that are not a whole header, so that `parse_tcp` must return None.

use super::{
    Functions,
    harness::{dump, made_up, reads, recorded, refuses},
};
use crate::exam::{Exam, Verdict};

pub(super) fn every_cut(exam: &Exam, (_, parse): Functions) -> Verdict {
    for (name, what) in [
        ("rst", "a recorded RST"),
        ("sack", "a recorded ACK with a SACK"),
    ] {
        let bytes = recorded(name)?;
        reads(exam, parse, what, &bytes)?;
        exam.step(format!(
            "cut it at each place from 0 to {}, and called `parse_tcp`",
            bytes.len() - 1
        ));
        for kept in 0..bytes.len() {
            let because = format!("only {kept} of its {} bytes are there", bytes.len());
            refuses(exam, parse, &bytes[..kept], &because)?;
        }
    }
    Ok(())
}

pub(super) fn a_data_offset_beyond_the_bytes(exam: &Exam, functions: Functions) -> Verdict {
    data_offsets(exam, functions, &[15])
}

pub(super) fn a_data_offset_below_5(exam: &Exam, functions: Functions) -> Verdict {
    data_offsets(exam, functions, &[0, 1, 2, 3, 4])
}

/// Of a header and 39 bytes, which are invalid options, or valid ones.
fn data_offsets(exam: &Exam, (_, parse): Functions, all: &[u8]) -> Verdict {
    for data in [[b'd'; 39], [1; 39]] {
        exam.step(format!(
            "called `parse_tcp` with a header and 39 bytes, and wrong data offsets:{}",
            dump(&made_up(5, &[], &data))
        ));
        for &words in all {
            let bytes = made_up(words, &[], &data);
            let because = format!(
                "byte 12 says {words} words, which is {} bytes, and there are {}",
                4 * u32::from(words),
                bytes.len()
            );
            refuses(exam, parse, &bytes, &because)?;
        }
    }
    Ok(())
}

pub(super) fn an_option_without_a_length(exam: &Exam, functions: Functions) -> Verdict {
    let last = "the last byte of the header is the kind of an option";
    options(
        exam,
        functions,
        &[
            ([1, 1, 1, 8], &format!("{last}, 8")),
            ([1, 4, 2, 4], &format!("{last}, 4")),
            ([3, 3, 7, 255], &format!("{last}, 255")),
        ],
    )
}

pub(super) fn a_length_below_2(exam: &Exam, functions: Functions) -> Verdict {
    options(
        exam,
        functions,
        &[
            ([2, 0, 1, 1], "option 2 says that its length is 0"),
            ([4, 2, 254, 0], "option 254 says that its length is 0"),
            ([3, 1, 7, 0], "option 3 says that its length is 1"),
            ([4, 1, 4, 2], "option 4 says that its length is 1"),
        ],
    )
}

pub(super) fn an_option_that_ends_after_the_header(exam: &Exam, functions: Functions) -> Verdict {
    options(
        exam,
        functions,
        &[
            (
                [2, 5, 5, 0xb4],
                "option 2 says 5, and 4 bytes of the header are left",
            ),
            (
                [1, 1, 8, 10],
                "option 8 says 10, and 2 bytes of the header are left",
            ),
            (
                [1, 3, 4, 7],
                "option 3 says 4, and 3 bytes of the header are left",
            ),
            (
                [254, 255, 0, 0],
                "option 254 says 255, and 4 bytes of the header are left",
            ),
        ],
    )
}

/// Each of these options makes a header invalid, whatever follows it.
fn options(exam: &Exam, (_, parse): Functions, all: &[([u8; 4], &str)]) -> Verdict {
    exam.step("called `parse_tcp` with an invalid option");
    for (options, because) in all {
        refuses(exam, parse, &made_up(6, options, b""), because)?;
        for data in [[0; 255], [4; 255]] {
            let because = format!("{because}; data follows");
            refuses(exam, parse, &made_up(6, options, &data), &because)?;
        }
    }
    Ok(())
}
