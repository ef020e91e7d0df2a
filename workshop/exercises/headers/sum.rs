//! The Internet checksum.

use super::{
    Functions,
    call::{recorded, sums, with_pseudo_header},
    cause,
};
use crate::exam::{Because, Exam, Verdict};

pub(super) fn of_words(exam: &Exam, (checksum, _): Functions) -> Verdict {
    let example = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    sums(
        exam,
        checksum,
        "the example of RFC 1071 section 3",
        &example,
        0x220d,
    )?;
    sums(
        exam,
        checksum,
        "two words",
        &[0x12, 0x34, 0x00, 0x01],
        0xedca,
    )?;
    sums(exam, checksum, "nothing", &[], 0xffff)
}

pub(super) fn of_an_odd_length(exam: &Exam, (checksum, _): Functions) -> Verdict {
    sums(
        exam,
        checksum,
        "a word and a byte",
        &[0x12, 0x34, 0x56],
        0x97cb,
    )?;
    sums(exam, checksum, "a byte", &[0x01], 0xfeff)
}

pub(super) fn of_carries(exam: &Exam, (checksum, _): Functions) -> Verdict {
    sums(
        exam,
        checksum,
        "two words",
        &[0xff, 0xff, 0x00, 0x02],
        0xfffd,
    )?;
    // 0x1ffff: the carry, added, carries again.
    sums(
        exam,
        checksum,
        "three words",
        &[0xff, 0xff, 0xff, 0xff, 0x00, 0x01],
        0xfffe,
    )?;
    sums(exam, checksum, "64 KiB of 0xff", &[0xff; 64 << 10], 0x0000)?;
    sums(exam, checksum, "64 KiB of 0xfe", &[0xfe; 64 << 10], 0x8080)
}

pub(super) fn over_itself(exam: &Exam, (checksum, _): Functions) -> Verdict {
    for name in ["syn", "sack", "odd", "rst"] {
        let what = format!("a pseudo-header and a recorded segment ({name})");
        let mut bytes = with_pseudo_header(name)?;
        sums(exam, checksum, &what, &bytes, 0)?;
        let stated = [bytes[28], bytes[29]];
        bytes[28..30].fill(0); // byte 16 of the segment, behind 12 bytes
        let what = format!("the same with a checksum of zero ({name})");
        sums(exam, checksum, &what, &bytes, u16::from_be_bytes(stated))?;
    }
    let mut damaged = with_pseudo_header("odd")?;
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let segment = recorded("odd")?.len();
    exam.step(format!(
        "flipped the lowest bit of the last byte of that segment of {segment} bytes"
    ));
    let given = damaged.clone();
    let answer = exam.start("checksum", move || checksum(&given))?;
    let got = answer
        .returns("for these bytes")
        .because(|case| cause::of_a_panicking_sum(&damaged, case))?;
    let expected = "`checksum` to return anything but 0 for it";
    exam.must(got != 0, expected, "it has returned 0x0000")
        .caused_by(
            "One bit differs, and for the bytes before that your code was right: the result must follow \
             from every byte that this call is given, and from nothing else.",
        )
}
