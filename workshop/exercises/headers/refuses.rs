//! What is no header, though it may begin like one.

use super::{
    Functions,
    call::{dump, made_up, reads, recorded, refuses},
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

pub(super) fn data_offsets(exam: &Exam, (_, parse): Functions) -> Verdict {
    let data = [b'd'; 39];
    exam.step(format!(
        "called `parse_tcp` with a header and 39 bytes, and data offsets that cannot be:{}",
        dump(&made_up(5, &[], &data))
    ));
    for words in [0, 1, 4, 15] {
        let bytes = made_up(words, &[], &data);
        let says = 4 * u32::from(words);
        let because = format!(
            "byte 12 says {words} words, so {says} bytes, of {}",
            bytes.len()
        );
        refuses(exam, parse, &bytes, &because)?;
    }
    Ok(())
}

pub(super) fn short_options(exam: &Exam, (_, parse): Functions) -> Verdict {
    exam.step("called `parse_tcp` with options whose length cannot be");
    for (options, because) in [
        (
            [1, 1, 1, 8],
            "the last byte of the header is an option's kind, 8",
        ),
        ([2, 0, 1, 1], "option 2 says that its length is 0"),
        ([4, 2, 254, 0], "option 254 says that its length is 0"),
        ([3, 1, 7, 0], "option 3 says that its length is 1"),
    ] {
        refuses(exam, parse, &made_up(6, &options, b""), because)?;
        refuses(
            exam,
            parse,
            &made_up(6, &options, &[4; 40]),
            &format!("{because}; data follows"),
        )?;
    }
    Ok(())
}

pub(super) fn long_options(exam: &Exam, (_, parse): Functions) -> Verdict {
    exam.step("called `parse_tcp` with options longer than what is left of the header");
    for (options, because) in [
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
    ] {
        refuses(exam, parse, &made_up(6, &options, b""), because)?;
        refuses(
            exam,
            parse,
            &made_up(6, &options, &[0; 255]),
            &format!("{because}; data follows"),
        )?;
    }
    Ok(())
}
