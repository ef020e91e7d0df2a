//! Exercise 19: headers. What a program must be able to do that reads what is on the wire: tcpdump, a
//! firewall, a TCP of one's own. The bytes are somebody else's, and may be anything.
//!
//! Build the Internet checksum, and a reader of TCP headers.
//!
//! The rules `checksum` is held to (RFC 1071), for up to 64 KiB of bytes:
//! - two bytes are a 16-bit word, the higher byte first; behind an odd last byte a zero is added;
//! - the words are summed; what is carried out of 16 bits is added at their low end, until nothing is
//!   carried any more; the checksum is the complement of that. So bytes that contain their own give 0,
//!   and none at all give 0xffff.
//!
//! The rules `parse_tcp` is held to (RFC 9293 section 3.1). It is given a segment, header and data:
//! - numbers are in network byte order. `header_len` is in bytes: the data offset (the upper four bits
//!   of byte 12) counts words of four. `flags` is all of byte 13. No checksum is looked at;
//! - `options` are those between byte 20 and `header_len`, in their order. Two kinds are a byte alone,
//!   and not listed: 0 ends the options, 1 is nothing. All others are a kind, a length (of everything,
//!   kind and length too), and data;
//! - known are 2 MSS (length 4), 3 window scale (3), 4 SACK permitted (2), 5 SACK (2, and 8 for each of
//!   its ranges, at least one), 8 timestamps (10). Another kind, or one of these with another length,
//!   is kept as `Other` with its kind and its data;
//! - it returns `None` where there is no whole header: there are fewer than 20 bytes, or fewer than the
//!   data offset says; this says less than 20; an option has no length, has a length below 2, or ends
//!   behind the header;
//! - no bytes make it panic, or go on for ever.
//!
//! `TcpOption` and `Flags` are in wire/src/segment.rs, `Header` is in workshop/exercises/headers/checks.rs.
//!
//! How to go on:
//!
//!     cargo workshop check headers       examines it; so does  cargo test -p exercises --test headers
//!     cargo workshop hint headers        helps, a little more each time
//!     cargo run --example headers        is the lesson

use std::process::ExitCode;

use workshop::checks::headers::Header;

/// The Internet checksum of these bytes.
pub fn checksum(bytes: &[u8]) -> u16 {
    let _ = bytes;
    todo!("sum the 16-bit words in a u32, add what was carried to the low 16 bits, complement")
}

/// The header of a segment, if it is whole.
pub fn parse_tcp(bytes: &[u8]) -> Option<Header> {
    let _ = bytes;
    todo!("`first_chunk::<20>` or nothing; then the options, which are `bytes.get(20..header_len)`")
}

fn main() -> ExitCode {
    workshop::checks::headers::SUITE.examine((checksum, parse_tcp))
}
