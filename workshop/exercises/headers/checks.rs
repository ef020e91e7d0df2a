//! Checks of exercise 19: the Internet checksum, and a TCP header with its options.

mod cause;
mod fields;
mod harness;
mod many;
mod refuses;
mod sum;

use wire::segment::{Flags, TcpOption};

use super::Exercise;
use crate::exam::{Rule, Suite, check};

/// Exercise 19.
pub const EXERCISE: Exercise = Exercise {
    number: 19,
    name: "headers",
    task: "write the Internet checksum and a parser of TCP headers",
    hints: [
        "A u16 cannot hold the sum of two words. A u32 holds the sum of 32768 words. The bits \
         above its low 16 are the carries: add them to the low 16 bits, and repeat that until \
         there are none. `chunks(2)` returns an odd last byte alone. A header may be cut, so do \
         not index: `get` and `first_chunk` return None for bytes that are not there, and `?` \
         passes None on.",
        "Take the options as a slice of their own: `bytes.get(20..header_len)?`. Then no option \
         can reach into the data, and a data offset below 5 gives None too. Walk along the slice: \
         kind 0 ends it, kind 1 is one byte, and any other kind has its length in the next byte. \
         `rest.get(2..length)?` is its data. It is None for a length below 2 and for a length that \
         is too long. Then go on after `length` bytes.",
        "sum: while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) } !(sum as u16). options: \
         match *rest { [] | [0, ..] => return Some(found), [1, ref after @ ..] => rest = after, \
         [_] => return None, [kind, length, ..] => { found.push(option(kind, \
         rest.get(2..length.into())?)); rest = &rest[length.into()..]; } } and option: match \
         (kind, data) { (2, &[a, b]) => Mss(…), … _ => Other(kind, data.to_vec()) }.",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 19 is held to.
pub const SUITE: Suite<Functions> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "`checksum` sums the bytes as 16-bit words, the higher byte first, and returns the \
             complement of the sum: the sum with all bits flipped.",
            &[
                check("sums words of two bytes", sum::words),
                check("returns 0xffff for no bytes", sum::no_bytes),
            ],
        ),
        Rule::core(
            "If the number of bytes is odd, `checksum` adds a zero byte at the end.",
            &[check(
                "adds a zero after an odd last byte",
                sum::an_odd_last_byte,
            )],
        ),
        Rule::core(
            "`checksum` adds what is carried out of 16 bits to the low end of the sum, until \
             nothing is carried. Its argument has at most 64 KiB.",
            &[
                check("adds carries until nothing is carried", sum::carries),
                check("sums 64 KiB", sum::as_many_as_64_kib),
            ],
        ),
        Rule::core(
            "`checksum` returns 0 for bytes that contain their own checksum, and another value if \
             one bit of them is different.",
            &[
                check("returns 0 for a whole segment", sum::a_whole_segment),
                check(
                    "does not return 0 for a damaged segment",
                    sum::a_damaged_segment,
                ),
            ],
        ),
        Rule::core(
            "`parse_tcp` returns each number of the header, the highest byte first. `header_len` \
             is in bytes: the data offset counts words of four bytes. `flags` is all of byte 13.",
            &[check(
                "returns each number from its place",
                fields::each_from_its_place,
            )],
        ),
        Rule::core(
            "`parse_tcp` returns the options in their order. Kind 1 is skipped, and kind 0 ends \
             the options.",
            &[
                check(
                    "lists the options of real segments",
                    fields::options_of_real_segments,
                ),
                check(
                    "keeps the order of options and ranges",
                    fields::the_order_of_options,
                ),
                check("skips kind 1", fields::skips_kind_1),
                check("ends the options at kind 0", fields::ends_at_kind_0),
            ],
        ),
        Rule::core(
            "The options end at `header_len`. All bytes after it are data.",
            &[check(
                "parses no data as options",
                fields::parses_no_data_as_options,
            )],
        ),
        Rule::hardened(
            "Return any other kind, and a known kind with another length, as `Other` with its kind \
             and its data.",
            &[
                check("returns an unknown kind as Other", fields::unknown_kinds),
                check(
                    "returns a known kind with another length as Other",
                    fields::known_kinds_with_other_lengths,
                ),
            ],
        ),
        Rule::hardened(
            "Do not judge a header that is whole. Every value of every field is valid, and the \
             data may have any length.",
            &[
                check("accepts every value of a field", fields::every_value),
                check("accepts every value of an option", fields::every_option),
                check("accepts data of any length", fields::data_of_any_length),
            ],
        ),
        Rule::hardened(
            "Return None for fewer than 20 bytes, for fewer than the data offset says, and for a \
             data offset below 5.",
            &[
                check("refuses a header that is cut", refuses::every_cut),
                check(
                    "refuses a data offset beyond the bytes",
                    refuses::a_data_offset_beyond_the_bytes,
                ),
                check(
                    "refuses a data offset below 5",
                    refuses::a_data_offset_below_5,
                ),
            ],
        ),
        Rule::hardened(
            "Return None for an option without a length, with a length below 2, or with an end \
             after `header_len`.",
            &[
                check(
                    "refuses an option without a length",
                    refuses::an_option_without_a_length,
                ),
                check("refuses a length below 2", refuses::a_length_below_2),
                check(
                    "refuses an option that ends after the header",
                    refuses::an_option_that_ends_after_the_header,
                ),
            ],
        ),
        Rule::hardened(
            "Do not panic or loop, whatever the bytes. The result depends on the argument only.",
            &[
                check("parses many segments", many::parses_many_segments),
                check("sums many byte strings", many::sums_many_byte_strings),
            ],
        ),
    ],
    cause: cause::diagnose,
};

/// The student's functions.
pub type Functions = (Checksum, ParseTcp);

/// The first of them.
pub type Checksum = fn(&[u8]) -> u16;

/// The second.
pub type ParseTcp = fn(&[u8]) -> Option<Header>;

/// A TCP header (RFC 9293 section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The sender's port.
    pub source: u16,
    /// The receiver's port.
    pub destination: u16,
    /// The sequence number.
    pub seq: u32,
    /// The acknowledgment number, whether or not the ACK flag is set.
    pub ack: u32,
    /// The length of the header with its options, in bytes.
    pub header_len: usize,
    /// The control bits, all eight.
    pub flags: Flags,
    /// The window, not scaled.
    pub window: u16,
    /// The checksum, not verified.
    pub checksum: u16,
    /// The urgent pointer.
    pub urgent: u16,
    /// The options, in their order.
    pub options: Vec<TcpOption>,
}
