//! What a wrong sum shows: each usual mistake has a result of its own.

use crate::exam::{
    Case,
    diagnosis::{FALLS_BELOW_ZERO, OVERFLOWS, TAKES_A_MISSING_BYTE},
};

/// The sum of words that are made of two bytes in this way, with its carries.
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

/// The checksum of these bytes.
pub(in super::super) fn right_sum(bytes: &[u8]) -> u16 {
    !fold(sum(bytes, big))
}

/// Which mistake has this result. If several have, all of them.
pub(in super::super) fn of_a_sum(bytes: &[u8], got: u16) -> Option<String> {
    let found: Vec<&str> = mistakes(bytes)
        .into_iter()
        .filter(|(result, _)| *result == got)
        .map(|(_, mistake)| mistake)
        .collect();
    Some(match found[..] {
        [] => "Sum the 16-bit words, the higher byte first, in a u32. Add the bits above the low \
               16 to the low 16 until there are none above. Return the complement. Begin each call \
               with a sum of 0."
            .to_owned(),
        [one] => format!("Your result is what this mistake gives: {one}."),
        _ => format!(
            "Your result is what one of these mistakes gives: {}.",
            found.join("; or ")
        ),
    })
}

/// What each mistake makes of these bytes.
fn mistakes(bytes: &[u8]) -> [(u16, &'static str); 10] {
    let right = sum(bytes, big);
    let little = sum(bytes, |high, low| u16::from_le_bytes([high, low]));
    let once = (right & 0xffff) + (right >> 16);
    let (whole, rest) = bytes.split_at(bytes.len() & !1);
    let rest_alone = rest.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let (long_words, rest) = bytes.split_at(bytes.len() & !3);
    let number = rest
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte));
    let only_if_zero = |result: u16| match fold(right) {
        0xffff => result,
        _ => !fold(right),
    };
    [
        (
            fold(right),
            "the complement is missing (the checksum is `!sum`)",
        ),
        (
            !fold(little),
            "the words have their low byte first (`from_le_bytes`, `from_ne_bytes`). In network \
             byte order the higher byte is first: `from_be_bytes`",
        ),
        (
            !(right as u16),
            "what is carried out of 16 bits is lost (`wrapping_add`, or `as u16` too early). Add \
             it at the low end of the sum",
        ),
        (
            !(once as u16),
            "the carries are added only once, and adding them can carry again. Repeat it until \
             nothing is above 16 bits. A sum of longer words carries out of their bits, too",
        ),
        (
            !fold(sum(whole, big)),
            "the last byte is left out (`chunks_exact` does that). In an odd length it is the \
             higher half of a word whose lower half is 0",
        ),
        (
            !fold(sum(whole, big) + rest_alone),
            "the last byte is the lower half of its word. It is the higher half: the zero comes \
             after it",
        ),
        (
            !fold(sum(long_words, big) + number),
            "the last 1 to 3 bytes are read as one number, so an odd last byte is the lower half \
             of its word. It is the higher half: the zero comes after it",
        ),
        (
            !fold(sum(&bytes[..bytes.len() & 0xffff], big)),
            "the number of bytes is cut to 16 bits, in which 65536 is 0, so that none is summed",
        ),
        (
            only_if_zero(0xffff),
            "a sum of 0xffff becomes 0, and so the checksum becomes 0xffff. UDP does this when it \
             sends, and `sum % 0xffff` does it too. A checksum of 0 stays 0",
        ),
        (
            if bytes.is_empty() {
                0
            } else {
                right_sum(bytes)
            },
            "an empty argument is a special case. Its sum is 0, and the complement of 0 is 0xffff",
        ),
    ]
}

/// For a call of `checksum` that panicked: by what the panic says.
pub(in super::super) fn of_a_panicking_sum(bytes: &[u8], case: &Case) -> Option<String> {
    let odd = !bytes.len().is_multiple_of(2);
    if let Some(below) = FALLS_BELOW_ZERO.of(case) {
        return Some(format!(
            "{below} Go over the bytes with `chunks(2)`, which needs no length. The sum of no \
             bytes is 0."
        ));
    }
    if OVERFLOWS.of(case).is_some() {
        let what = "The sum does not fit in its type. A u16 cannot hold the sum of two words. A \
                    u32 holds the sum of 64 KiB.";
        return Some(what.to_owned());
    }
    let missing = TAKES_A_MISSING_BYTE.of(case)?;
    Some(match odd {
        true => format!("{missing} An odd length ends with one byte, and not with a word."),
        false => missing,
    })
}
