//! Headers that are whole: their fields, their options, and the data after them.

use super::{
    Functions,
    harness::{made_up, reads, recorded},
};
use crate::exam::{Exam, Verdict, numbered};

/// A header without options of which no two bytes are the same, with data after it.
fn all_different() -> Vec<u8> {
    let mut bytes: Vec<u8> = (0x81..0x95).collect();
    bytes[12] = 0x50;
    bytes[13] = 0x98;
    bytes.extend(b"data");
    bytes
}

pub(super) fn each_from_its_place(exam: &Exam, (_, parse): Functions) -> Verdict {
    reads(exam, parse, "a recorded RST", &recorded("rst")?)?;
    let mut bytes = all_different();
    reads(exam, parse, "bytes of which no two are the same", &bytes)?;
    for flags in [0xe8, 0x88, 0x48] {
        bytes[13] = flags;
        let what = format!("the same with flags of {flags:#04x}");
        reads(exam, parse, &what, &bytes)?;
    }
    Ok(())
}

pub(super) fn options_of_real_segments(exam: &Exam, (_, parse): Functions) -> Verdict {
    for (name, what) in [
        ("syn", "a recorded SYN"),
        ("syn-ack", "a recorded SYN, ACK"),
        ("data", "a recorded segment with data"),
        ("sack", "a recorded ACK with a SACK of two ranges"),
        ("fin", "a recorded FIN"),
    ] {
        reads(exam, parse, what, &recorded(name)?)?;
    }
    Ok(())
}

/// Neither the kinds nor the ranges are sorted. One kind comes twice.
pub(super) fn the_order_of_options(exam: &Exam, (_, parse): Functions) -> Verdict {
    let bytes = made_up(8, &[4, 2, 3, 3, 7, 2, 4, 5, 0xb4, 3, 3, 9], b"");
    let what = "options of the kinds 4, 3, 2 and 3";
    reads(exam, parse, what, &bytes)?;
    let bytes = made_up(15, &[4, 2].repeat(20), b"");
    reads(exam, parse, "20 options of kind 4", &bytes)?;
    for ranges in [1, 3, 4] {
        let data = (0..8 * ranges).rev();
        let sack: Vec<u8> = [1, 1, 5, 2 + 8 * ranges].into_iter().chain(data).collect();
        let words = 5 + sack.len().div_ceil(4) as u8;
        let what = format!("a SACK of {ranges} ranges, not sorted");
        reads(exam, parse, &what, &made_up(words, &sack, b""))?;
    }
    Ok(())
}

pub(super) fn skips_kind_1(exam: &Exam, (_, parse): Functions) -> Verdict {
    let between = made_up(7, &[1, 3, 3, 7, 1, 1, 4, 2], b"data");
    let what = "options with kind 1 before and between them";
    reads(exam, parse, what, &between)?;
    let only = made_up(6, &[1, 1, 1, 1], b"data");
    reads(exam, parse, "a header with four options of kind 1", &only)?;
    let last = made_up(15, &[&[1; 38][..], &[4, 2]].concat(), b"data");
    let what = "38 options of kind 1, and one of kind 4";
    reads(exam, parse, what, &last)
}

pub(super) fn ends_at_kind_0(exam: &Exam, (_, parse): Functions) -> Verdict {
    let ended = made_up(7, &[4, 2, 0, 3, 3, 7, 4, 2], b"data");
    let what = "options with kind 0 before the second";
    reads(exam, parse, what, &ended)?;
    let rubbish = made_up(7, &[4, 2, 0, 2, 0, 0xff, 0xff, 5], b"data");
    let what = "options with kind 0, and invalid ones after it";
    reads(exam, parse, what, &rubbish)?;
    let first = made_up(6, &[0, 4, 2, 1], b"data");
    reads(exam, parse, "options that begin with kind 0", &first)
}

pub(super) fn parses_no_data_as_options(exam: &Exam, (_, parse): Functions) -> Verdict {
    let bytes = made_up(5, &[], &[2, 4, 5, 0xb4, 4, 2, 3, 3, 7, 0]);
    let what = "a header without options, and data that looks like them";
    reads(exam, parse, what, &bytes)?;
    let bytes = made_up(6, &[3, 3, 7, 1], &[4, 2, 8]);
    let what = "a header with an option, and data that looks like another";
    reads(exam, parse, what, &bytes)
}

pub(super) fn unknown_kinds(exam: &Exam, (_, parse): Functions) -> Verdict {
    let cookie = [34, 6, 0xca, 0xfe, 0xba, 0xbe, 4, 2, 254, 2, 1, 1];
    let bytes = made_up(8, &cookie, b"data");
    reads(exam, parse, "options of the kinds 34, 4 and 254", &bytes)?;
    let mut longest = vec![255, 40];
    longest.extend(0..38);
    let bytes = made_up(15, &longest, b"data");
    reads(exam, parse, "an option of kind 255 and 40 bytes", &bytes)?;
    let twice = [6, 3, 1, 7, 2, 6, 3, 2, 9, 3, 1, 1];
    let bytes = made_up(8, &twice, b"data");
    reads(exam, parse, "options of the kinds 6, 7, 6 and 9", &bytes)
}

pub(super) fn known_kinds_with_other_lengths(exam: &Exam, (_, parse): Functions) -> Verdict {
    let shorter = [
        2, 3, 9, 3, 2, 4, 3, 0, 8, 2, 5, 2, 5, 6, 1, 2, 3, 4, 2, 6, 5, 0xb4, 0, 0,
    ];
    let bytes = made_up(11, &shorter, b"data");
    let what = "options of known kinds with other lengths";
    reads(exam, parse, what, &bytes)?;
    let longer = [
        5, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 3, 4, 7, 0, 8, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ];
    let bytes = made_up(12, &longer, b"data");
    let what = "options of known kinds that are longer";
    reads(exam, parse, what, &bytes)
}

pub(super) fn every_value(exam: &Exam, (_, parse): Functions) -> Verdict {
    for value in [0, 0xff] {
        let mut bytes = vec![value; 20];
        bytes[12] = 0x50;
        let what = format!("fields of which every byte is {value:#04x}");
        reads(exam, parse, &what, &bytes)?;
    }
    let mut bytes = all_different();
    for reserved in [0x08, 0x01, 0x0f] {
        bytes[12] = 0x50 | reserved;
        let what = format!("a segment with reserved bits of {reserved:#03x}");
        reads(exam, parse, &what, &bytes)?;
    }
    for (flags, names) in [
        (0xff, "all flags"),
        (0x00, "no flag"),
        (0x03, "SYN and FIN"),
        (0x06, "SYN and RST"),
    ] {
        bytes[13] = flags;
        let what = format!("a segment with {names}");
        reads(exam, parse, &what, &bytes)?;
    }
    Ok(())
}

pub(super) fn every_option(exam: &Exam, (_, parse): Functions) -> Verdict {
    for [high, low] in [[0, 0], [0, 1], [0xff, 0xff]] {
        let bytes = made_up(6, &[2, 4, high, low], b"");
        let what = format!("an MSS of {}", u16::from_be_bytes([high, low]));
        reads(exam, parse, &what, &bytes)?;
    }
    for shift in [0, 14, 15, 255] {
        let bytes = made_up(6, &[3, 3, shift, 1], b"");
        let what = format!("a window scale of {shift}");
        reads(exam, parse, &what, &bytes)?;
    }
    let mut bytes = made_up(8, &[1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8], b"");
    for flags in [0x02, 0x10] {
        bytes[13] = flags;
        let what = format!("timestamps in a segment with flags of {flags:#04x}");
        reads(exam, parse, &what, &bytes)?;
    }
    for value in [0, 0xff] {
        for kind in [5, 8] {
            let mut option = vec![1, 1, kind, 10];
            option.extend([value; 8]);
            let what = format!("an option of kind {kind} of which every byte is {value:#04x}");
            reads(exam, parse, &what, &made_up(8, &option, b""))?;
        }
    }
    let backwards = [1, 1, 5, 10, 9, 9, 9, 9, 1, 1, 1, 1];
    let bytes = made_up(8, &backwards, b"");
    reads(
        exam,
        parse,
        "a SACK of a range that ends before it begins",
        &bytes,
    )
}

/// The largest is what an IPv4 packet has room for.
pub(super) fn data_of_any_length(exam: &Exam, (_, parse): Functions) -> Verdict {
    for len in [0, 1, 107, 108, 236, 237, 1460, 1461, 1480, 4096, 65_495] {
        let bytes = made_up(5, &[], &numbered(len)[..len]);
        let what = format!("a header and {len} bytes of data");
        reads(exam, parse, &what, &bytes)?;
    }
    Ok(())
}
