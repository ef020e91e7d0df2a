//! What can go wrong with a sum: what comes out shows what was done.

use super::{says, says_a_byte_is_missing};
use crate::exam::Case;

/// The sum of words that are made of bytes in this way, with its carries.
fn sum(bytes: &[u8], word: fn(u8, u8) -> u16) -> u32 {
    let words = bytes.chunks(2);
    words
        .map(|pair| u32::from(word(pair[0], *pair.get(1).unwrap_or(&0))))
        .sum()
}

fn big(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// What was done instead, as far as the result shows it; if it may have been several things, all.
pub(in super::super) fn of_a_sum(bytes: &[u8], got: u16) -> Option<String> {
    let found: Vec<&str> = mistakes(bytes)
        .into_iter()
        .filter(|(result, _)| *result == got)
        .map(|(_, mistake)| mistake)
        .collect();
    match found[..] {
        [] => Some(
            "Sum the 16-bit words, the higher byte first, in a u32; add what is above its low 16 \
             bits to them, until nothing is; return the complement. Each call begins with a sum \
             of 0."
                .to_owned(),
        ),
        _ => Some(format!(
            "This is what comes out if {}.",
            found.join("; or if ")
        )),
    }
}

/// What each mistake makes of these bytes.
fn mistakes(bytes: &[u8]) -> [(u16, &'static str); 7] {
    let right = sum(bytes, big);
    let little = sum(bytes, |high, low| u16::from_le_bytes([high, low]));
    let once = (right & 0xffff) + (right >> 16);
    let (whole, rest) = bytes.split_at(bytes.len() & !1);
    [
        (
            fold(right),
            "the complement is not taken: the checksum is `!sum`",
        ),
        (
            !fold(little),
            "the words are taken with their low byte first (from_le_bytes, from_ne_bytes): in \
             network byte order the higher byte comes first (from_be_bytes)",
        ),
        (
            !(right as u16),
            "what is carried out of 16 bits is lost (`wrapping_add`, or `as u16` too early): \
             ones' complement adds it at the low end",
        ),
        (
            !(once as u16),
            "the carries are added once, and that carries again: fold until nothing is above 16 \
             bits",
        ),
        (
            !fold(sum(whole, big)),
            "the last byte is not in it (`chunks_exact` leaves it out): an odd length leaves a \
             byte alone, and it is the higher half of a word whose lower half is zero",
        ),
        (
            !fold(sum(whole, big) + rest.iter().map(|byte| u32::from(*byte)).sum::<u32>()),
            "the last byte is added as a number of its own: it is the higher half of a word, and \
             the zero stands behind it",
        ),
        (
            if fold(right) == 0xffff {
                0xffff
            } else {
                !fold(right)
            },
            "zero is replaced by 0xffff: that is UDP's rule for what it sends, and not the \
             checksum's",
        ),
    ]
}

/// For a call of `checksum` that panicked: by what the panic says.
pub(in super::super) fn of_a_panicking_sum(bytes: &[u8], case: &Case) -> Option<String> {
    let what = if !case.panicked {
        return None;
    } else if says(&["add with overflow", "multiply with overflow", "shift left"]) {
        "Here the sum has left its type: a u16 holds no sum of two words; a u32 holds that of 64 KiB."
    } else if !says_a_byte_is_missing() {
        return None;
    } else if bytes.len().is_multiple_of(2) {
        "An index went beyond the last byte."
    } else {
        "A byte was taken that is not there: an odd length ends with a byte alone."
    };
    Some(what.to_owned())
}
