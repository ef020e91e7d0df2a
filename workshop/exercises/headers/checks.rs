//! Checks of exercise 19: the Internet checksum, and a TCP header with its options.

mod call;
mod cause;
mod fields;
mod refused;
mod sum;

use wire::segment::{Flags, TcpOption};

use super::Exercise;
use crate::exam::{Rule, Suite, check};

/// Exercise 19.
pub const EXERCISE: Exercise = Exercise {
    number: 19,
    name: "headers",
    task: "the Internet checksum, and a TCP header with its options",
    hints: [
        "A u16 cannot hold a sum of two u16; a u32 holds that of 32768 of them. What is above its low 16 \
         bits are the carries: add them to the low ones, and look whether that carried again. \
         `chunks(2)` gives an odd last byte alone. Of a header that may be cut, index nothing that you \
         have not asked for with `get` or `first_chunk`: they say None, and `?` hands it on.",
        "Take `bytes.get(20..header_len)?` as a slice of its own: then nothing in it can reach into the \
         data, and a data offset below 5 gives None by itself. Walk along it: 0 ends it, 1 is one byte, \
         any other has its length in the byte behind it. `rest.get(2..length)?` is its data, and None \
         both for a length below 2 and for one that is too long. Then go on behind `length` bytes.",
        "sum: while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) } !(sum as u16). options: match \
         *rest { [] | [0, ..] => return Some(found), [1, ref behind @ ..] => rest = behind, [_] => return \
         None, [kind, length, ..] => { found.push(option(kind, rest.get(2..length.into())?)); rest = \
         &rest[length.into()..]; } } and option: match (kind, data) { (2, &[a, b]) => Mss(…), … _ => \
         Other(kind, data.to_vec()) }.",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 19 is held to.
pub const SUITE: Suite<Functions> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "sums words of two bytes, and takes the complement",
                sum::of_words,
            ),
            check("adds a zero behind an odd byte", sum::of_an_odd_length),
            check("adds carries until nothing is carried", sum::of_carries),
            check(
                "gives 0 over a segment that is whole, and not over one that is damaged",
                sum::over_itself,
            ),
            check(
                "reads each field where it stands",
                fields::each_where_it_stands,
            ),
            check(
                "lists the options of real segments in their order",
                fields::options_of_real_segments,
            ),
            check("skips 1, and ends at 0", fields::skips_one_and_ends_at_zero),
            check(
                "keeps what it does not know",
                fields::keeps_what_it_does_not_know,
            ),
            check(
                "takes no data for options",
                fields::takes_no_data_for_options,
            ),
            check("refuses every cut of a header", refused::every_cut),
            check(
                "refuses a data offset that cannot be",
                refused::data_offsets,
            ),
            check(
                "refuses an option without a length, and a length below 2",
                refused::short_options,
            ),
            check(
                "refuses an option that ends behind the header",
                refused::long_options,
            ),
        ],
    )],
    cause: |_| None,
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
    /// The receiver's.
    pub destination: u16,
    /// The number of the first byte.
    pub seq: u32,
    /// The number of the byte expected next.
    pub ack: u32,
    /// How long the header is, with its options, in bytes.
    pub header_len: usize,
    /// The control bits, all eight.
    pub flags: Flags,
    /// The window, not scaled.
    pub window: u16,
    /// The checksum, as it stands there.
    pub checksum: u16,
    /// The urgent pointer.
    pub urgent: u16,
    /// The options, in their order.
    pub options: Vec<TcpOption>,
}
