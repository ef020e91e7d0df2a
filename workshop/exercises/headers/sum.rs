//! The Internet checksum.

use super::{
    Functions, cause,
    harness::{sums, with_pseudo_header},
    many::first,
};
use crate::exam::{Because, Exam, Verdict};

pub(super) fn words(exam: &Exam, (checksum, _): Functions) -> Verdict {
    let example = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    let what = "the example of RFC 1071 section 3";
    sums(exam, checksum, what, &example, 0x220d)?;
    let two = [0x12, 0x34, 0x00, 0x01];
    sums(exam, checksum, "two words", &two, 0xedca)?;
    sums(exam, checksum, "a word", &[0xff, 0x00], 0x00ff)
}

pub(super) fn no_bytes(exam: &Exam, (checksum, _): Functions) -> Verdict {
    sums(exam, checksum, "no bytes", &[], 0xffff)
}

pub(super) fn an_odd_last_byte(exam: &Exam, (checksum, _): Functions) -> Verdict {
    let three = [0x12, 0x34, 0x56];
    sums(exam, checksum, "a word and a byte", &three, 0x97cb)?;
    sums(exam, checksum, "a byte", &[0x01], 0xfeff)?;
    sums(exam, checksum, "a byte of 0", &[0x00], 0xffff)
}

pub(super) fn carries(exam: &Exam, (checksum, _): Functions) -> Verdict {
    let one = [0xff, 0xff, 0x00, 0x02];
    sums(exam, checksum, "two words", &one, 0xfffd)?;
    // The sum is 0x1ffff: adding the carry carries again.
    let again = [0xff, 0xff, 0xff, 0xff, 0x00, 0x01];
    sums(exam, checksum, "three words", &again, 0xfffe)?;
    // The same in words of 4, 8 and 16 bytes, for an answer that sums such words.
    for width in [4, 8, 16] {
        let again = [&vec![0xff; 2 * width][..], &vec![0; width - 1], &[1]].concat();
        let what = format!("the same with {width} bytes for each word");
        sums(exam, checksum, &what, &again, 0xfffe)?;
    }
    let all_ones = [0xff, 0xfe, 0x00, 0x01];
    let what = "two words whose sum is 0xffff";
    sums(exam, checksum, what, &all_ones, 0x0000)
}

/// As many bytes as `checksum` must take.
const MOST: usize = 64 << 10;

pub(super) fn as_many_as_64_kib(exam: &Exam, (checksum, _): Functions) -> Verdict {
    let different: Vec<u8> = (0..MOST).map(|at| (at ^ (at >> 8)) as u8).collect();
    let right = cause::right_sum(&different);
    sums(
        exam,
        checksum,
        "64 KiB of different bytes",
        &different,
        right,
    )?;
    let right = cause::right_sum(&different[1..]);
    let what = "the same without the first byte";
    sums(exam, checksum, what, &different[1..], right)?;
    sums(exam, checksum, "64 KiB of 0xfe", &[0xfe; MOST], 0x8080)?;
    sums(exam, checksum, "64 KiB of 0xff", &[0xff; MOST], 0x0000)
}

pub(super) fn a_whole_segment(exam: &Exam, (checksum, _): Functions) -> Verdict {
    for name in ["syn", "sack", "odd", "rst"] {
        let what = format!("a pseudo-header and a recorded segment ({name})");
        let mut bytes = with_pseudo_header(name)?;
        sums(exam, checksum, &what, &bytes, 0)?;
        let stated = [bytes[28], bytes[29]];
        bytes[28..30].fill(0); // byte 16 of the segment, after the 12 bytes of the pseudo-header
        let what = format!("the same with a checksum of 0 ({name})");
        sums(exam, checksum, &what, &bytes, u16::from_be_bytes(stated))?;
    }
    Ok(())
}

pub(super) fn a_damaged_segment(exam: &Exam, (checksum, _): Functions) -> Verdict {
    let whole = with_pseudo_header("odd")?;
    sums(exam, checksum, "a recorded segment (odd)", &whole, 0)?;
    exam.step("flipped each of its bits, one at a time");
    let flipped = |bit: usize| {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        damaged
    };
    let all = (0..8 * whole.len()).map(flipped).collect();
    let missed = first(exam, "checksum", all, move |bytes| checksum(bytes) == 0)?;
    let seen = missed.map(|bit| {
        let (bit, byte) = (bit % 8, bit / 8);
        format!("it has returned 0x0000 with bit {bit} of byte {byte} flipped")
    });
    exam.must(
        seen.is_none(),
        "`checksum` to return another value than 0 for each of them",
        seen.unwrap_or_default(),
    )
    .caused_by(
        "One bit is different, and your result is the same. Each byte of the argument must count, \
         and nothing else: neither an earlier call nor a part that your code leaves out.",
    )
}
