//! A header that is whole: its fields, its options, and what is neither.

use super::{
    Functions,
    call::{made_up, reads, recorded},
};
use crate::exam::{Exam, Verdict};

pub(super) fn each_where_it_stands(exam: &Exam, (_, parse): Functions) -> Verdict {
    reads(exam, parse, "a recorded RST", &recorded("rst")?)?;
    // No byte like another, but for the data offset.
    let mut bytes: Vec<u8> = (0x81..0x95).collect();
    bytes[12] = 0x5f;
    reads(exam, parse, "bytes of which no two are the same", &bytes)?;
    for flags in [0x00, 0xff, 0x80, 0x40, 0x02] {
        bytes[13] = flags;
        reads(
            exam,
            parse,
            &format!("the same with flags of {flags:#04x}"),
            &bytes,
        )?;
    }
    Ok(())
}

pub(super) fn options_of_real_segments(exam: &Exam, (_, parse): Functions) -> Verdict {
    for (name, what) in [
        ("syn", "a recorded SYN"),
        ("syn-ack", "a recorded SYN and ACK"),
        ("data", "a recorded segment with data"),
        ("sack", "a recorded ACK with a SACK of two ranges"),
        ("fin", "a recorded FIN"),
    ] {
        reads(exam, parse, what, &recorded(name)?)?;
    }
    let ranges: Vec<u8> = [5, 34].into_iter().chain(1..33).collect();
    let bytes = made_up(14, &[&ranges[..], &[1, 1]].concat(), b"");
    reads(exam, parse, "a header with a SACK of four ranges", &bytes)
}

pub(super) fn skips_one_and_ends_at_zero(exam: &Exam, (_, parse): Functions) -> Verdict {
    let behind_one = made_up(7, &[1, 3, 3, 7, 1, 1, 4, 2], b"data");
    reads(
        exam,
        parse,
        "options with a 1 before and between them",
        &behind_one,
    )?;
    let ended = made_up(7, &[4, 2, 0, 3, 3, 7, 4, 2], b"data");
    reads(exam, parse, "options with a 0 before the second", &ended)?;
    let rubbish = made_up(7, &[4, 2, 0, 2, 0, 0xff, 0xff, 5], b"data");
    reads(
        exam,
        parse,
        "options with a 0, and rubbish behind it",
        &rubbish,
    )?;
    let only_ones = made_up(6, &[1, 1, 1, 1], b"data");
    reads(exam, parse, "a header with four times 1", &only_ones)
}

pub(super) fn keeps_what_it_does_not_know(exam: &Exam, (_, parse): Functions) -> Verdict {
    let cookie = [34, 6, 0xca, 0xfe, 0xba, 0xbe, 4, 2, 254, 2, 1, 1];
    let bytes = made_up(8, &cookie, b"data");
    reads(exam, parse, "options of the kinds 34, 4 and 254", &bytes)?;
    let others = [
        2, 3, 9, 3, 2, 4, 3, 0, 8, 2, 5, 2, 5, 6, 1, 2, 3, 4, 2, 6, 5, 0xb4, 0, 0,
    ];
    let bytes = made_up(11, &others, b"data");
    reads(
        exam,
        parse,
        "options of known kinds with other lengths",
        &bytes,
    )?;
    let longer = [
        5, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 3, 4, 7, 0, 8, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ];
    let bytes = made_up(12, &longer, b"data");
    reads(
        exam,
        parse,
        "options of known kinds that are longer than those",
        &bytes,
    )
}

pub(super) fn takes_no_data_for_options(exam: &Exam, (_, parse): Functions) -> Verdict {
    let bytes = made_up(5, &[], &[2, 4, 5, 0xb4, 4, 2, 3, 3, 7, 0]);
    reads(
        exam,
        parse,
        "a header without options, and data that looks like them",
        &bytes,
    )?;
    let bytes = made_up(6, &[3, 3, 7, 1], &[4, 2, 8]);
    reads(
        exam,
        parse,
        "a header with an option, and data that looks like another",
        &bytes,
    )
}
