//! What the answer does wrong with a header, by its bytes and by what was returned.

mod sums;

use wire::segment::{Flags, TcpOption};

use super::{Header, harness::right};
use crate::exam::{
    Case, Stuck,
    diagnosis::{LOOP_DOES_NOT_END, OVERFLOWS, TAKES_A_MISSING_BYTE, first_of},
};

pub(super) use sums::{of_a_panicking_sum, of_a_sum, right_sum};

/// What any check may meet.
pub(super) fn diagnose(case: &Case) -> Option<String> {
    first_of(&[LOOP_DOES_NOT_END, TAKES_A_MISSING_BYTE, OVERFLOWS], case)
}

/// For a call of `parse_tcp` that panicked, or has not returned.
pub(super) fn of_no_return(bytes: &[u8], case: &Case) -> Option<String> {
    let spins = matches!(case.stuck, Some(Stuck::Spin(..))) && !case.panicked;
    let stands_still = walk(options_in(bytes)) == Stop::Short(0);
    if spins && stands_still {
        let what = "There is an option with a length of 0. Your loop advances by 0 bytes, so it \
                    reads the same option again and does not end. A length below 2 is invalid, \
                    because it counts the kind and itself: return None.";
        return Some(what.to_owned());
    }
    diagnose(case)
}

/// Where a walk along options stops.
#[derive(PartialEq, Eq)]
enum Stop {
    /// At their end.
    End,
    /// At a 0.
    Zero,
    /// After a kind that has no length.
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
            [1, ref after @ ..] => options = after,
            [_] => return Stop::Kind,
            [_, length @ (0 | 1), ..] => return Stop::Short(length),
            [_, length, ..] => match options.get(length.into()..) {
                Some(after) => options = after,
                None => return Stop::Long,
            },
        }
    }
}

/// The bytes after the first 20 that are header by its data offset.
fn options_in(bytes: &[u8]) -> &[u8] {
    let words = bytes.get(12).copied().unwrap_or(0) >> 4;
    bytes.get(20..usize::from(words) * 4).unwrap_or_default()
}

/// A whole header was refused: everything about it that an answer may not expect.
pub(super) fn of_a_refusal(bytes: &[u8], header: &Header) -> String {
    let options = options_in(bytes);
    let (data, stop) = (bytes.len() - header.header_len, walk(options));
    let any = |is: fn(&TcpOption) -> bool| header.options.iter().any(is);
    let flags = header.flags;
    let unusual = [
        (
            any(|option| matches!(option, TcpOption::Other(..))),
            "an option of an unknown kind, or of a known kind with another length",
        ),
        (
            bytes[12] & 0x0f != 0,
            "reserved bits that are not 0 (the lower half of byte 12)",
        ),
        (
            has_a_one(options),
            "an option of kind 1, which has no length",
        ),
        (
            stop == Stop::Zero,
            "an option of kind 0, which ends the options whatever follows it",
        ),
        (
            stop == Stop::End && !options.is_empty(),
            "a last option that ends where the header does",
        ),
        (header.source == 0 || header.destination == 0, "a port of 0"),
        (header.checksum == 0, "a checksum of 0"),
        (flags == Flags(0), "no flag"),
        (
            flags.has(Flags::SYN) && (flags.has(Flags::FIN) || flags.has(Flags::RST)),
            "SYN together with FIN or RST",
        ),
        (data > 0, "data after it"),
        (data > 1460, "more data than an Ethernet frame has room for"),
        (
            data == 0,
            "no data after it, so that the bytes end where the header does",
        ),
    ];
    let unusual = unusual.iter().filter(|(is, _)| *is);
    let unusual: Vec<&str> = unusual.map(|(_, what)| *what).collect();
    format!(
        "This header is whole, and your code returns None. It has {}. None of that makes it \
         invalid: return what it says. Its length is in the upper half of byte 12, and its \
         checksum is not verified.",
        unusual.join("; ")
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

/// A number of the header is different.
pub(super) fn of_a_number(bytes: &[u8], name: &str, wanted: u64, got: u64) -> Option<String> {
    let byte = |at: usize| u64::from(bytes.get(at).copied().unwrap_or(0));
    let swapped = match name {
        "seq" | "ack" => (wanted as u32).swap_bytes().into(),
        _ => u64::from((wanted as u16).swap_bytes()),
    };
    let flags = Flags(byte(13) as u8);
    let lacks_its_flag = match name {
        "ack" => !flags.has(Flags::ACK),
        "urgent" => !flags.has(Flags::URG),
        _ => false,
    };
    Some(match name {
        "header_len" if got * 4 == wanted => {
            "Your code returns the data offset, which counts words of 4 bytes. `header_len` is in \
             bytes: multiply by 4."
                .to_owned()
        }
        "header_len" if got == (byte(12) & 0x0f) * 4 => {
            "Your code reads the lower half of byte 12. The data offset is the upper half: `>> 4`."
                .to_owned()
        }
        "header_len" => {
            "The data offset is the upper half of byte 12 (`>> 4`), in words of 4 bytes. The lower \
             half is reserved, and does not count."
                .to_owned()
        }
        "flags" if got == byte(13) & 0x3f => {
            "Your code drops one or both of the upper two flags, ECE and CWR (RFC 3168). All eight \
             bits of byte 13 are flags."
                .to_owned()
        }
        "flags" => "The flags are all of byte 13, unchanged.".to_owned(),
        _ if got == 0 && lacks_its_flag => format!(
            "Your code returns 0 for `{name}`, because its flag is not set, or from another place. \
             Return the bytes that stand in the field, whatever the flags are."
        ),
        "window" if is_scaled(bytes, wanted, got) => {
            "Your code shifts the window by the window scale. Return the field as it is: the scale \
             applies to later segments, and the caller applies it."
                .to_owned()
        }
        _ if got == swapped => {
            "These are the right bytes in the wrong order. In network byte order the highest byte \
             is first: use `from_be_bytes`. `from_ne_bytes` is the order of this machine."
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
                Some(at) => format!(
                    "Your number is the one at byte {at}, which is another field, or halves of two \
                     fields."
                ),
                None => format!("`{name}` has {length} bytes, the highest first."),
            }
        }
    })
}

/// Whether this is the window, shifted by the window scale of the same header.
fn is_scaled(bytes: &[u8], wanted: u64, got: u64) -> bool {
    let options = right(bytes)
        .map(|header| header.options)
        .unwrap_or_default();
    options.iter().any(|option| match option {
        TcpOption::WindowScale(shift @ 1..16) => got == wanted << shift & 0xffff,
        _ => false,
    })
}

/// The list of options is different.
pub(super) fn of_options(bytes: &[u8], wanted: &Header, got: &[TcpOption]) -> String {
    let wanted = &wanted.options;
    let is_a_byte_alone = |option: &TcpOption| matches!(option, TcpOption::Other(0 | 1, _));
    let with_ranges = |change: fn(&mut Vec<(u32, u32)>)| -> Vec<TcpOption> {
        let changed = |option: &TcpOption| match option.clone() {
            TcpOption::Sack(mut ranges) => {
                change(&mut ranges);
                TcpOption::Sack(ranges)
            }
            option => option,
        };
        wanted.iter().map(changed).collect()
    };
    if got.iter().any(is_a_byte_alone) {
        "Your code lists kind 0 or 1. Each of them is a single byte, without a length and without \
         data: do not list them."
            .to_owned()
    } else if got.len() > wanted.len() && got.starts_with(wanted) {
        match walk(options_in(bytes)) {
            Stop::Zero => {
                "Your code reads on after kind 0. That ends the options, whatever follows it."
            }
            _ => {
                "Your code reads data as options. Options end at `header_len`, even if the data \
                 looks like more of them."
            }
        }
        .to_owned()
    } else if got == with_ranges(|ranges| ranges.truncate(1)) {
        "Your code returns only the first range of a SACK. It has a range for each 8 bytes of its \
         data."
            .to_owned()
    } else if got == with_ranges(|ranges| ranges.sort_unstable()) {
        "Your code sorts the ranges of a SACK. Keep their order: the first is the newest (RFC \
         2018)."
            .to_owned()
    } else if let Some(missing) = first_missing(wanted, got) {
        format!(
            "{missing:?} is missing in your list. Every option belongs in it, also one of an \
             unknown kind, one without data, and one of a kind that comes twice. The next option \
             begins `length` bytes after a kind, and right after a 1. There may be up to 40."
        )
    } else {
        let mut pairs = wanted.iter().zip(got);
        match pairs.find(|(wanted, got)| wanted != got) {
            Some((wanted, got)) => of_an_option(wanted, got),
            None => {
                "Your list is longer than the options of the header. They end at kind 0, or at \
                 `header_len`."
                    .to_owned()
            }
        }
    }
}

/// The first option that is left out, if nothing else is different.
fn first_missing<'o>(wanted: &'o [TcpOption], got: &[TcpOption]) -> Option<&'o TcpOption> {
    let (mut rest, mut missing) = (got, None);
    for option in wanted {
        match rest.split_first() {
            Some((first, others)) if first == option => rest = others,
            _ => missing = missing.or(Some(option)),
        }
    }
    missing.filter(|_| rest.is_empty())
}

/// An option that was returned as another.
fn of_an_option(wanted: &TcpOption, got: &TcpOption) -> String {
    let is_other = |option: &TcpOption| matches!(option, TcpOption::Other(..));
    match (is_other(wanted), is_other(got)) {
        (true, false) => format!(
            "Your code returns {got:?} for an option that is unknown, or whose length is not the \
             one of its kind. Return it as {wanted:?}."
        ),
        (false, true) => format!(
            "Your code returns {got:?}. The option has a known kind and a length that is valid for \
             it: return {wanted:?}."
        ),
        (true, true) => format!(
            "Your code returns {got:?}, and the option is {wanted:?}. Its data is the `length - 2` \
             bytes after the length."
        ),
        (false, false) => format!(
            "Your code returns {got:?}, and the option is {wanted:?}. Return every value as it is. \
             A number has its highest byte first, and the next option begins `length` bytes after \
             a kind."
        ),
    }
}

/// Bytes that are not a whole header were accepted.
pub(super) fn of_no_refusal(bytes: &[u8]) -> String {
    let words = usize::from(bytes.get(12).copied().unwrap_or(0) >> 4);
    let length = bytes.len();
    if length < 20 {
        format!("There are {length} bytes, and a TCP header has at least 20. Return None.")
    } else if words < 5 {
        format!(
            "The data offset is {words} words, which is less than the 20 bytes that every header \
             has. Return None."
        )
    } else if words * 4 > length {
        format!(
            "The data offset says {} bytes, and there are {length}. A part of the header is \
             missing: return None.",
            words * 4
        )
    } else {
        match walk(options_in(bytes)) {
            Stop::Kind => {
                "The last byte of the header is a kind, and its length is missing. Only kinds 0 \
                 and 1 have no length. Return None."
            }
            Stop::Short(_) => {
                "An option's length counts its kind and itself, so a length below 2 is invalid. \
                 Return None for the whole header."
            }
            _ => {
                "An option ends after the header. The bytes after `header_len` are data, and not a \
                 part of an option. Compare its length with what is left of the header, and return \
                 None."
            }
        }
        .to_owned()
    }
}
