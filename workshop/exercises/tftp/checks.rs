//! Checks of exercise 18: the packets of TFTP, read and written by two functions without a socket.
//!
//! `recorded` has packets that real programs sent. `codec` calls the functions and compares what
//! they return. `parses`, `writes`, `strings`, `errors`, `refuses` and `many` are the checks.
//! `cause` says what the answer does wrong.

mod cause;
mod codec;
mod errors;
mod many;
mod parses;
mod recorded;
mod refuses;
mod strings;
mod writes;

use std::fmt;

use super::Exercise;
use crate::exam::{Rule, Suite, check, quote};

/// Exercise 18.
pub const EXERCISE: Exercise = Exercise {
    number: 18,
    name: "tftp",
    task: "parse and write the packets of TFTP",
    hints: [
        "Write a function that takes a number from the front of a slice, and one that takes a \
         string and its NUL. Each returns what it took *and the rest*, or None. Then `parse` is a \
         `match` on the opcode that passes the rest on. `slice::split_first_chunk` never panics.",
        "fn number(bytes: &[u8]) -> Option<(u16, &[u8])> { let (number, rest) = \
         bytes.split_first_chunk::<2>()?; Some((u16::from_be_bytes(*number), rest)) }. For a \
         string: find the 0 with `position`, call `str::from_utf8` on the bytes before it, and \
         return the bytes after it as the rest. Options are pairs of strings until the rest is \
         empty. Anything else than a whole pair is None.",
        "match opcode { 1 | 2 => { let (file, rest) = string(rest)?; let (mode, rest) = \
         string(rest)?; Some(Packet::Request { write: opcode == 2, file, mode, options: \
         options(rest)? }) } 3 => { let (block, bytes) = number(rest)?; Some(Packet::Data { block, \
         bytes: bytes.to_vec() }) } 4 => match number(rest)? { (block, []) => \
         Some(Packet::Ack(block)), _ => None }, /* 5: the code, and `String::from_utf8_lossy` of \
         the bytes before the first NUL */ 6 => options(rest).map(Packet::OptionAck), _ => None }",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 18 is held to.
pub const SUITE: Suite<(Parse, Write)> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "`parse` returns what the packet says, with all its options in their order.",
            &[
                check(
                    "parses requests of real clients",
                    parses::requests_of_real_clients,
                ),
                check("parses an OACK with its options", parses::an_oack),
                check("keeps the order of options", parses::the_order_of_options),
            ],
        ),
        Rule::core(
            "`write` returns exactly the bytes of the packet, with a NUL after each string.",
            &[
                check(
                    "writes packets of real programs byte for byte",
                    writes::packets_of_real_programs,
                ),
                check(
                    "writes a NUL after an empty string",
                    writes::a_nul_after_an_empty_string,
                ),
                check("writes many packets", many::writes_many_packets),
            ],
        ),
        Rule::core(
            "A number has two bytes, the more significant first. Every value from 0 to 65535 is \
             valid.",
            &[
                check(
                    "parses and writes the number of an ACK",
                    parses::numbers_of_acks,
                ),
                check(
                    "parses and writes the number of a block",
                    parses::numbers_of_blocks,
                ),
                check(
                    "parses and writes the code of an ERROR",
                    parses::codes_of_errors,
                ),
            ],
        ),
        Rule::core(
            "A block is all bytes after its number. It may have any length, and an empty block is \
             a block.",
            &[
                check(
                    "parses and writes a block of any length",
                    parses::blocks_of_any_length,
                ),
                check("parses and writes an empty block", parses::an_empty_block),
            ],
        ),
        Rule::core(
            "`parse` returns None for an opcode other than 1 to 6, for a number with a byte \
             missing, and for an ACK with bytes after its number.",
            &[
                check("refuses an unknown opcode", refuses::an_unknown_opcode),
                check(
                    "refuses a number with a byte missing",
                    refuses::a_number_with_a_byte_missing,
                ),
                check("refuses a long ACK", refuses::a_long_ack),
            ],
        ),
        Rule::hardened(
            "`parse` returns None for a string without its NUL and for an option without a value. \
             Do not invent what is missing.",
            &[
                check(
                    "refuses a string without its NUL",
                    refuses::a_string_without_its_nul,
                ),
                check(
                    "refuses an option without a value",
                    refuses::an_option_without_a_value,
                ),
            ],
        ),
        Rule::hardened(
            "Keep every string as it is, even if it is empty or long. Do not change upper and \
             lower case. Do not judge a file, a mode or an option.",
            &[
                check("keeps every letter", strings::keeps_every_letter),
                check("keeps empty strings", strings::keeps_empty_strings),
                check("keeps long strings", strings::keeps_long_strings),
                check("keeps many options", strings::keeps_many_options),
                check(
                    "judges no file, mode or option",
                    strings::judges_no_file_mode_or_option,
                ),
            ],
        ),
        Rule::hardened(
            "Strings are UTF-8. `parse` returns None for a file, a mode or an option that is not.",
            &[
                check("parses and writes UTF-8", strings::parses_and_writes_utf_8),
                check(
                    "writes many packets in UTF-8",
                    many::writes_many_packets_in_utf_8,
                ),
                check("refuses what is not UTF-8", refuses::what_is_not_utf_8),
            ],
        ),
        Rule::hardened(
            "An ERROR needs only its number: any code and any text are valid. The text ends at the \
             first NUL or, unlike the strings of rule 6, at the end of the datagram.",
            &[
                check("parses an ERROR of any code", errors::of_any_code),
                check(
                    "ends the text of an ERROR at the first NUL",
                    errors::end_at_the_first_nul,
                ),
                check("parses an ERROR without its NUL", errors::without_their_nul),
                check(
                    "parses an ERROR whose text is not UTF-8",
                    errors::that_are_not_utf_8,
                ),
            ],
        ),
        Rule::hardened(
            "Do not panic, whatever the bytes or the packet. The result depends on the argument \
             only.",
            &[
                check("parses many datagrams", many::parses_many_datagrams),
                check(
                    "parses the largest datagrams",
                    many::parses_the_largest_datagrams,
                ),
            ],
        ),
    ],
    cause: cause::diagnose,
};

/// The student's function that parses: the packet in a datagram, or `None` if the datagram is not a
/// packet.
pub type Parse = fn(&[u8]) -> Option<Packet>;

/// The student's function that writes.
pub type Write = fn(&Packet) -> Vec<u8>;

/// Options, each a name and a value, in the order of the packet.
pub type Options = Vec<(String, String)>;

/// A packet of TFTP (RFC 1350, and RFC 2347 for the options).
#[derive(Clone, PartialEq, Eq)]
pub enum Packet {
    /// RRQ (opcode 1), or WRQ (2) where `write` is true.
    Request {
        /// Whether the client wants to write the file.
        write: bool,
        /// The file's name.
        file: String,
        /// `octet`, `netascii`, in letters of either case.
        mode: String,
        /// What the client would like to agree on.
        options: Options,
    },
    /// DATA (opcode 3).
    Data {
        /// The block's number.
        block: u16,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// ACK (opcode 4) of the block with this number.
    Ack(u16),
    /// ERROR (opcode 5).
    Error {
        /// The kind of error, as a number.
        code: u16,
        /// A description for people.
        text: String,
    },
    /// OACK (opcode 6): what the server agrees to.
    OptionAck(Options),
}

/// As derived, but with the bytes of a block as text, and cut.
impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Packet::Request {
                write,
                file,
                mode,
                options,
            } => f
                .debug_struct("Request")
                .field("write", write)
                .field("file", file)
                .field("mode", mode)
                .field("options", options)
                .finish(),
            Packet::Data { block, bytes } => f
                .debug_struct("Data")
                .field("block", block)
                .field("bytes", &format_args!("{}", quote(bytes)))
                .finish(),
            Packet::Ack(block) => write!(f, "Ack({block})"),
            Packet::Error { code, text } => f
                .debug_struct("Error")
                .field("code", code)
                .field("text", text)
                .finish(),
            Packet::OptionAck(options) => f.debug_tuple("OptionAck").field(options).finish(),
        }
    }
}
