//! Exercise 18: tftp
//!
//! Write the codec of TFTP, two functions without a socket. `parse` turns a datagram into a packet,
//! and `write` turns a packet into a datagram. Any program may send to your port, so a datagram may
//! hold any bytes.
//!
//!     opcode 1  RRQ    file NUL mode NUL, then options: name NUL value NUL, as many as there are
//!     opcode 2  WRQ    the same
//!     opcode 3  DATA   number, then the bytes of the block: as many as the datagram has
//!     opcode 4  ACK    number
//!     opcode 5  ERROR  number, text NUL
//!     opcode 6  OACK   options
//!
//! An opcode is a number. A NUL is a byte 0, and is not part of the string before it.
//!
//! Core rules (about 25 minutes):
//!   1. `parse` returns what the packet says, with all its options in their order.
//!   2. `write` returns exactly the bytes of the packet, with a NUL after each string.
//!   3. A number has two bytes, the more significant first. Every value from 0 to 65535 is valid.
//!   4. A block is all bytes after its number. It may have any length, and an empty block is a
//!      block.
//!   5. `parse` returns None for an opcode other than 1 to 6, for a number with a byte missing, and
//!      for an ACK with bytes after its number.
//!
//! Hardened rules (about 20 minutes more):
//!   6. `parse` returns None for a string without its NUL and for an option without a value. Do not
//!      invent what is missing.
//!   7. Keep every string as it is, even if it is empty or long. Do not change upper and lower
//!      case. Do not judge a file, a mode or an option.
//!   8. Strings are UTF-8. `parse` returns None for a file, a mode or an option that is not.
//!   9. An ERROR needs only its number: any code and any text are valid. The text ends at the first
//!      NUL or, unlike the strings of rule 6, at the end of the datagram.
//!   10. Do not panic, whatever the bytes or the packet. The result depends on the argument only.
//!
//! Out of scope: `write` never gets a string with a NUL in it. If the text of an ERROR is not
//! UTF-8, return any text.
//!
//! `Packet` is in workshop/exercises/tftp/checks.rs.
//!
//! How to go on:
//!
//!     cargo workshop check tftp       checks it; so does  cargo test -p exercises --test tftp
//!     cargo workshop hint tftp        helps, a little more each time
//!     cargo run --example tftp        runs the lesson: these packets on the wire

use std::process::ExitCode;

use workshop::checks::tftp::Packet;

/// The packet in a datagram, or `None` if the datagram is not a packet.
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
