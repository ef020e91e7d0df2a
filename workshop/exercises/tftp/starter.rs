//! Exercise 18: tftp. A datagram is a packet, all of it and nothing else: bytes become a value, and a
//! value becomes bytes.
//!
//! Build the codec of TFTP: two functions, without a socket. Numbers have two bytes, the more significant
//! first; a string is UTF-8 and ends with a NUL (a byte 0), which is no part of it.
//!
//!     opcode 1  RRQ    name NUL mode NUL, then options: name NUL value NUL, as many as there are
//!     opcode 2  WRQ    the same
//!     opcode 3  DATA   number, then the bytes of the block: as many as the datagram has
//!     opcode 4  ACK    number
//!     opcode 5  ERROR  number, text NUL
//!     opcode 6  OACK   options
//!
//! The rules it is held to:
//! - `parse` gives what the packet says: options in their order, all of them, every letter as it came.
//!   Whether there is such a mode, or an option makes sense, is for others to judge;
//! - an empty block is a block, an OACK without options is an OACK, and a string may be empty;
//! - what is no packet is `None`: another opcode, a number that is cut, a string without its NUL, an option
//!   without a value, a string that is not UTF-8, an ACK that is longer than its number. Nothing is made
//!   up for what is missing, and nothing is left over;
//! - but an ERROR with a number is an ERROR: its text goes to the first NUL or to the end of the datagram,
//!   what is behind the NUL is not text, and if it is not UTF-8, make of it what you like;
//! - `write` gives the very bytes of the packet. No string that it is given has a NUL in it;
//! - no bytes, and no packet, make either of them panic.
//!
//! How to go on:
//!
//!     cargo workshop check tftp       examines it; so does  cargo test -p exercises --test tftp
//!     cargo workshop hint tftp        helps, a little more each time
//!     cargo run --example tftp        is the lesson: these packets, on their way

use std::process::ExitCode;

use workshop::checks::tftp::Packet;

/// The packet that a datagram is, or `None` if it is none.
pub fn parse(datagram: &[u8]) -> Option<Packet> {
    let _ = datagram;
    todo!("read the opcode from the first two bytes; it says what must follow")
}

/// The bytes of a packet.
pub fn write(packet: &Packet) -> Vec<u8> {
    let _ = packet;
    todo!("the opcode first, as two bytes; then what belongs to this packet")
}

fn main() -> ExitCode {
    workshop::checks::tftp::SUITE.examine((parse, write))
}
