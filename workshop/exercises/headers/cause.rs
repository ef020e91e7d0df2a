//! What can go wrong with a header: by its bytes, and by what was made of them.

mod sums;

use wire::segment::TcpOption;

use super::Header;
use crate::exam::{Case, Stuck, problems};

pub(super) use sums::{of_a_panicking_sum, of_a_sum};

/// For a call of `parse_tcp` that panicked, or has not come back.
pub(super) fn of_no_return(bytes: &[u8], case: &Case) -> Option<String> {
    if case.panicked {
        return of_a_panic().map(str::to_owned);
    }
    let stands_still = walk(options_in(bytes)) == Stop::Short(0);
    matches!(case.stuck, Some(Stuck::Spin(..))).then(|| {
        if stands_still {
            "There is an option with a length of 0. To go on by 0 bytes is to stay: the loop meets the \
             same option for ever. A length below 2 cannot be, for it counts the kind and itself."
        } else {
            "The loop over the options does not get on, or does not end with the header."
        }
        .to_owned()
    })
}

/// By what the panic says.
fn of_a_panic() -> Option<&'static str> {
    if says_a_byte_is_missing() {
        Some(
            "A byte was taken that is not there. The bytes are somebody else's, and so are the lengths in \
             them: `get` and `first_chunk` are None where an index panics, and `?` returns None where \
             `unwrap` panics.",
        )
    } else if says(&["with overflow"]) {
        Some(
            "A number left its type. The lengths are somebody else's: `checked_sub` is None where a \
             subtraction panics.",
        )
    } else {
        None
    }
}

fn says_a_byte_is_missing() -> bool {
    says(&["index", "on a `None` value", "mid > len"])
}

/// Whether one of the student's panics has one of these words.
fn says(words: &[&str]) -> bool {
    let has = |message: &str| words.iter().any(|word| message.contains(word));
    problems().iter().any(|problem| has(&problem.message))
}

/// Where a walk along options stops.
#[derive(PartialEq, Eq)]
enum Stop {
    /// At their end.
    End,
    /// At a 0.
    Zero,
    /// Behind a kind that has no length.
    Kind,
    /// At a length below 2.
    Short(u8),
    /// At a length that is more than is left.
    Long,
}

fn walk(mut options: &[u8]) -> Stop {
    loop {
        match *options {
            [] => return Stop::End,
            [0, ..] => return Stop::Zero,
            [1, ref behind @ ..] => options = behind,
            [_] => return Stop::Kind,
            [_, length @ (0 | 1), ..] => return Stop::Short(length),
            [_, length, ..] => match options.get(length.into()..) {
                Some(behind) => options = behind,
                None => return Stop::Long,
            },
        }
    }
}

/// What the data offset says is header, behind the first 20 bytes.
fn options_in(bytes: &[u8]) -> &[u8] {
    let words = bytes.get(12).copied().unwrap_or(0) >> 4;
    bytes.get(20..usize::from(words) * 4).unwrap_or_default()
}

/// A whole header was refused.
pub(super) fn of_a_refusal(bytes: &[u8], wanted: &Header) -> String {
    let unknown = |option: &TcpOption| matches!(option, TcpOption::Other(..));
    if bytes.get(12).is_some_and(|byte| byte & 0x0f != 0) {
        "The lower half of byte 12 is reserved. It is not 0 here, and no part of the data offset, which is \
         the upper half: `>> 4`."
    } else if wanted.options.iter().any(unknown) {
        "A kind that is not known is no reason to refuse: its length says where the next one begins, and \
         so does that of a known kind with a length that is not its own. Both are `Other`."
    } else {
        return not_expected(bytes, wanted);
    }
    .to_owned()
}

/// What a header has that was refused, of what is often not thought of.
fn not_expected(bytes: &[u8], wanted: &Header) -> String {
    let options = options_in(bytes);
    let (data, stop) = (bytes.len() > wanted.header_len, walk(options));
    let features = [
        (
            has_a_one(options),
            "a 1 among its options, which is a byte without a length: the next begins right behind it",
        ),
        (
            stop == Stop::Zero,
            "a 0 among its options, which ends them, whatever stands behind it",
        ),
        (
            stop == Stop::End && !options.is_empty(),
            "a last option that ends where the header does",
        ),
        (data, "data behind it, of which nothing is an option"),
        (!data, "no data behind it: compare with `<`, not `<=`"),
    ];
    let features = features.iter().filter(|(has, _)| *has);
    let features: Vec<&str> = features.map(|(_, feature)| *feature).collect();
    format!(
        "What this header has, and your code may not expect: {}. If that is not it, `header_len` is not \
         what the upper half of byte 12 says, or more was asked for than the rules name: no checksum, \
         for instance.",
        features.join("; ")
    )
}

/// Whether there is a 1 where an option could begin.
fn has_a_one(mut options: &[u8]) -> bool {
    loop {
        options = match *options {
            [1, ..] => return true,
            [kind, length, ..] if kind > 1 && length > 1 => {
                options.get(length.into()..).unwrap_or_default()
            }
            _ => return false,
        };
    }
}

/// A number is not what stands there.
pub(super) fn of_a_number(bytes: &[u8], name: &str, wanted: u64, got: u64) -> Option<String> {
    let byte = |at: usize| u64::from(bytes.get(at).copied().unwrap_or(0));
    let swapped = match name {
        "seq" | "ack" => (wanted as u32).swap_bytes().into(),
        _ => u64::from((wanted as u16).swap_bytes()),
    };
    Some(match name {
        "header_len" if got * 4 == wanted => {
            "The data offset counts words of 4 bytes; `header_len` is in bytes.".to_owned()
        }
        "header_len" if got == (byte(12) & 0x0f) * 4 => {
            "The data offset is the upper half of byte 12; this is made of the lower.".to_owned()
        }
        "header_len" => {
            "The data offset is the upper half of byte 12 (`>> 4`), in words of 4 bytes. The \
                         lower half is reserved, and may be anything."
                .to_owned()
        }
        "flags" if got == byte(13) & 0x3f => {
            "Two bits are cut off: ECE and CWR (RFC 3168) are flags, too. All of byte 13 is."
                .to_owned()
        }
        "flags" => "The flags are byte 13, as it stands.".to_owned(),
        _ if got == swapped => {
            "These are the right bytes in the wrong order: network byte order has the \
                                highest first (from_be_bytes). from_ne_bytes is this machine's own."
                .to_owned()
        }
        _ => {
            let length = if matches!(name, "seq" | "ack") { 4 } else { 2 };
            let number = |bytes: &[u8]| bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
            let elsewhere = bytes
                .windows(length)
                .take(20)
                .position(|bytes| number(bytes) == got);
            match elsewhere {
                Some(at) => {
                    format!("That number stands at byte {at}: another field, or half of two.")
                }
                None => format!("`{name}` is {length} bytes, the highest first."),
            }
        }
    })
}

/// The list of options is not what stands there.
pub(super) fn of_options(bytes: &[u8], wanted: &Header, got: &[TcpOption]) -> String {
    let other = |option: &TcpOption| matches!(option, TcpOption::Other(..));
    let known: Vec<&TcpOption> = wanted
        .options
        .iter()
        .filter(|option| !other(option))
        .collect();
    let has_a_byte_alone = |option: &TcpOption| matches!(option, TcpOption::Other(0 | 1, _));
    let first_range = |option: &TcpOption| match option {
        TcpOption::Sack(ranges) => TcpOption::Sack(ranges.iter().copied().take(1).collect()),
        option => option.clone(),
    };
    let first_ranges: Vec<TcpOption> = wanted.options.iter().map(first_range).collect();
    if got.iter().any(has_a_byte_alone) {
        "The kinds 0 and 1 are a byte alone: they have no length and no data, and are not listed."
    } else if got.len() > wanted.options.len() && got.starts_with(&wanted.options) {
        if walk(options_in(bytes)) == Stop::Zero {
            "More was read than there is: a 0 ends the options, whatever stands behind it; and so does \
             the header, behind which is data."
        } else {
            "What stands behind the header is data, even if it looks like options. They end at \
             `header_len`."
        }
    } else if got.iter().eq(known.iter().copied()) {
        "What is not known is missing. It has a length like the others: keep its kind and its data as \
         `Other`, and go on behind it."
    } else if got == first_ranges {
        "A SACK has as many ranges as its length says, 8 bytes each: this has the first only."
    } else if got.len() < wanted.options.len() && wanted.options.starts_with(got) {
        match wanted.options[got.len()] {
            TcpOption::Other(..) => {
                "The list ends at an option that is not known. Its length says where the next begins."
            }
            _ => {
                "The list ends too early. Kind 1 is a byte alone, and the next option begins right behind \
                 it; behind any other the next begins `length` bytes after its kind."
            }
        }
    } else {
        "An option is a kind, a length, and `length - 2` bytes of data; the next begins `length` bytes \
         behind the kind, but right behind a 1. Known is what has the kind and the length of the rules, \
         and numbers have their highest byte first; everything else is `Other`."
    }
    .to_owned()
}

/// Something that is no header was taken for one.
pub(super) fn of_no_refusal(bytes: &[u8]) -> String {
    let words = usize::from(bytes.get(12).copied().unwrap_or(0) >> 4);
    let length = bytes.len();
    if length < 20 {
        "A TCP header has 20 bytes at least.".to_owned()
    } else if words < 5 {
        format!("A data offset of {words} words is less than the 20 bytes that every header has.")
    } else if words * 4 > length {
        format!(
            "The data offset says {} bytes, and there are {length}: a part of the header is missing.",
            words * 4
        )
    } else {
        of_an_option(&walk(options_in(bytes))).to_owned()
    }
}

/// Options that cannot be were taken for some that can.
fn of_an_option(stop: &Stop) -> &'static str {
    match stop {
        Stop::Kind => {
            "The last byte of the header is a kind without a length: of the option a part is missing. Only 0 \
             and 1 are a byte alone."
        }
        Stop::Short(_) => {
            "An option's length counts its kind and itself: below 2 it cannot be, and the whole header is not \
             to be believed."
        }
        _ => {
            "An option reaches beyond the header, or its length does: what stands behind `header_len` is \
             data, and no part of an option. Compare with what is left of the header, not of the bytes."
        }
    }
}
