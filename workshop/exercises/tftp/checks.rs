//! Checks of exercise 18: the packets of TFTP, read and written by two functions without a socket.
//!
//! `recorded` has packets as real programs send them; `codec` calls the functions and compares; `reads`,
//! `refuses` and `any` are the checks, `cause` is what can have gone wrong.

mod any;
mod cause;
mod codec;
mod reads;
mod recorded;
mod refuses;

use std::fmt;

use super::Exercise;
use crate::exam::{Rule, Suite, check, quote};

/// Exercise 18.
pub const EXERCISE: Exercise = Exercise {
    number: 18,
    name: "tftp",
    task: "the packets of TFTP, read and written",
    hints: [
        "Make a function that takes a number off the front of a slice, and one that takes a string with its \
         NUL. Each returns what it took *and the rest*, or None: `parse` then is a `match` on the opcode \
         that hands the rest on. `slice::split_first_chunk` never panics.",
        "fn number(bytes: &[u8]) -> Option<(u16, &[u8])> { let (number, rest) = \
         bytes.split_first_chunk::<2>()?; Some((u16::from_be_bytes(*number), rest)) }. For a string, \
         `position` of the 0, `str::from_utf8` of what is before it, and the rest begins behind it. Options \
         are pairs of strings until nothing is left: an empty rest is the end, anything else must be a \
         whole pair.",
        "match opcode { 1 | 2 => { let (file, rest) = string(rest)?; let (mode, rest) = string(rest)?; \
         Some(Packet::Request { write: opcode == 2, file, mode, options: options(rest)? }) } 3 => { let \
         (block, bytes) = number(rest)?; Some(Packet::Data { block, bytes: bytes.to_vec() }) } 4 => match \
         number(rest)? { (block, []) => Some(Packet::Ack(block)), _ => None }, /* 5: the code, and \
         `String::from_utf8_lossy` of what stands before the first NUL */ 6 => \
         options(rest).map(Packet::OptionAck), _ => None }",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 18 is held to.
pub const SUITE: Suite<(Parse, Write)> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "reads requests as real clients send them",
                reads::recorded_requests,
            ),
            check(
                "writes what real clients and servers send, byte for byte",
                reads::writes_recorded,
            ),
            check("reads and writes blocks and their ACKs", reads::blocks),
            check("takes an empty block for a block", reads::an_empty_block),
            check("reads an ERROR with and without its NUL", reads::errors),
            check(
                "keeps options in their order, and every letter",
                reads::kept_options,
            ),
            check(
                "refuses a string that is not ended",
                refuses::what_is_not_ended,
            ),
            check(
                "refuses what is too short, too long, or of no kind",
                refuses::what_is_no_packet,
            ),
            check(
                "refuses names that are not UTF-8, and changes none",
                refuses::what_is_no_text,
            ),
            check("survives any bytes", any::survives_any_bytes),
            check("reads what it writes", any::reads_what_it_writes),
        ],
    )],
    cause: cause::likely,
};

/// The student's function that reads: the packet that a datagram is, or `None` if it is none.
pub type Parse = fn(&[u8]) -> Option<Packet>;

/// The student's function that writes.
pub type Write = fn(&Packet) -> Vec<u8>;

/// Options, each a name and a value, in the order in which they stand in the packet.
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
        /// What it would like to agree on.
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
        /// Which.
        code: u16,
        /// The same for people.
        text: String,
    },
    /// OACK (opcode 6): what the server agrees to.
    OptionAck(Options),
}

/// As derived, but for a block's bytes: they are shown as text, and cut.
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
