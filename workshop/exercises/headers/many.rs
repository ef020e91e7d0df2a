//! Many segments and many sums, the same in every run: they show what a few examples do not.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{
    Functions,
    cause::right_sum,
    harness::{made_up, reads, refuses, right, sums},
};
use crate::exam::{
    Because, CheckError, Exam, Numbers, Stuck, Verdict, diagnosis::DEPENDS_ON_EARLIER_CALLS,
};

/// The number of calls.
const CALLS: usize = 500;

/// Headers with options of all kinds, of which many are cut or have a wrong length.
pub(super) fn parses_many_segments(exam: &Exam, (_, parse): Functions) -> Verdict {
    let all: Vec<Vec<u8>> = {
        let mut numbers = Numbers::new(0x1f12_3bb5);
        (0..CALLS).map(|_| segment(&mut numbers)).collect()
    };
    exam.step(format!("called `parse_tcp` with {CALLS} segments"));
    let is_wrong = move |bytes: &Vec<u8>| parse(bytes) != right(bytes);
    let Some(wrong) = first(exam, "parse_tcp", all.clone(), is_wrong)? else {
        return Ok(());
    };
    // An answer that keeps something of an earlier call now keeps something else.
    let answer = exam.start("parse_tcp", move || parse(&made_up(5, &[], &[0; 77])))?;
    answer.returns("for another segment")?;
    let bytes = &all[wrong];
    let what = format!("segment {} of them alone", wrong + 1);
    match right(bytes) {
        Some(_) => reads(exam, parse, &what, bytes)?,
        None => refuses(exam, parse, bytes, "the header is not whole")?,
    }
    depends_on_earlier_calls(exam, "parse_tcp")
}

fn segment(numbers: &mut Numbers) -> Vec<u8> {
    let mut options = Vec::new();
    for _ in 0..numbers.below(6) {
        let kind = numbers.one_of(&[0, 1, 2, 3, 4, 5, 8, 34, 254]);
        let usual: u8 = match kind {
            2 => 4,
            3 => 3,
            4 => 2,
            5 | 8 => 10,
            _ => 5,
        };
        match kind {
            0 | 1 => options.push(kind),
            _ => {
                let length = match numbers.below(16) {
                    0 => numbers.below(40) as u8,
                    _ => usual,
                };
                options.extend([kind, length]);
                options.extend((2..usual).map(|_| numbers.below(256) as u8));
            }
        }
    }
    options.truncate(40);
    while !options.len().is_multiple_of(4) {
        options.push(numbers.below(2) as u8);
    }
    let words = match numbers.below(16) {
        0 => numbers.below(16) as u8,
        _ => 5 + (options.len() / 4) as u8,
    };
    let mut bytes = made_up(words, &options, &[2, 4, 1, 2, 3][..numbers.below(6)]);
    for at in (0..12).chain(13..20) {
        bytes[at] = numbers.below(256) as u8;
    }
    if numbers.below(8) == 0 {
        bytes.truncate(numbers.below(bytes.len()));
    }
    bytes
}

pub(super) fn sums_many_byte_strings(exam: &Exam, (checksum, _): Functions) -> Verdict {
    let all: Vec<Vec<u8>> = {
        let mut numbers = Numbers::new(0x0bad_5eed);
        let string = |_| {
            let len = numbers.below(70);
            (0..len).map(|_| numbers.below(256) as u8).collect()
        };
        (0..CALLS).map(string).collect()
    };
    exam.step(format!("called `checksum` with {CALLS} byte strings"));
    let is_wrong = move |bytes: &Vec<u8>| checksum(bytes) != right_sum(bytes);
    let Some(wrong) = first(exam, "checksum", all.clone(), is_wrong)? else {
        return Ok(());
    };
    let what = format!("string {} of them alone", wrong + 1);
    sums(exam, checksum, &what, &all[wrong], right_sum(&all[wrong]))?;
    depends_on_earlier_calls(exam, "checksum")
}

/// Which is the first for which the answer is wrong.
pub(super) fn first(
    exam: &Exam,
    function: &'static str,
    all: Vec<Vec<u8>>,
    is_wrong: impl Fn(&Vec<u8>) -> bool + Send + 'static,
) -> Verdict<Option<usize>> {
    let done = Arc::new(AtomicUsize::new(0));
    exam.counts(&done);
    let answer = exam.start_untold(function, move || {
        all.iter().position(|bytes| {
            done.fetch_add(1, Ordering::Relaxed);
            is_wrong(bytes)
        })
    })?;
    let returned = answer.returns("for each of them");
    if let Err(CheckError::Failed(case)) = &returned
        && let Some(Stuck::Ceiling(time, _)) = &case.stuck
    {
        let why = format!("{CALLS} calls, all right so far, take longer than {time:.0?}");
        return Err(CheckError::skipped(why));
    }
    returned
}

/// Called alone it was right.
fn depends_on_earlier_calls(exam: &Exam, function: &str) -> Verdict {
    exam.fail(
        format!("`{function}` to return the same in every call"),
        "it was wrong after other calls, and has returned the right value in a call alone",
    )
    .diagnose(&[DEPENDS_ON_EARLIER_CALLS])
}
