//! Exercise 19: headers
//!
//! Write what tcpdump, a firewall or a kernel needs to read a segment: `checksum`, the Internet
//! checksum (RFC 1071), and `parse_tcp`, a parser of TCP headers (RFC 9293, 3.1). Another program
//! sent the bytes, so any of them may be missing, and a length in them may be wrong.
//!
//!     byte 0   source port (2 bytes), destination port (2)
//!     byte 4   sequence number (4)
//!     byte 8   acknowledgment number (4)
//!     byte 12  data offset (the upper 4 bits), reserved (the lower 4 bits)
//!     byte 13  flags (1)
//!     byte 14  window (2), checksum (2), urgent pointer (2)
//!     byte 20  options
//!
//!     kind 0   end of options   the kind alone, without a length
//!     kind 1   no operation     the kind alone, without a length
//!     kind 2   MSS              length 4: a number of two bytes
//!     kind 3   window scale     length 3: a number of one byte
//!     kind 4   SACK permitted   length 2: no data
//!     kind 5   SACK             length 2 and 8 for each range, at least one:
//!                               a range is two numbers of four bytes
//!     kind 8   timestamps       length 10: two numbers of four bytes
//!
//! A length counts the whole option: its kind, the length itself, and the data.
//!
//! Core rules (about 25 minutes):
//!   1. `checksum` sums the bytes as 16-bit words, the higher byte first, and returns the
//!      complement of the sum: the sum with all bits flipped.
//!   2. If the number of bytes is odd, `checksum` adds a zero byte at the end.
//!   3. `checksum` adds what is carried out of 16 bits to the low end of the sum, until nothing is
//!      carried. Its argument has at most 64 KiB.
//!   4. `checksum` returns 0 for bytes that contain their own checksum, and another value if one
//!      bit of them is different.
//!   5. `parse_tcp` returns each number of the header, the highest byte first. `header_len` is in
//!      bytes: the data offset counts words of four bytes. `flags` is all of byte 13.
//!   6. `parse_tcp` returns the options in their order. Kind 1 is skipped, and kind 0 ends the
//!      options.
//!   7. The options end at `header_len`. All bytes after it are data.
//!
//! Hardened rules (about 25 minutes more):
//!   8. Return any other kind, and a known kind with another length, as `Other` with its kind and
//!      its data.
//!   9. Do not judge a header that is whole. Every value of every field is valid, and the data may
//!      have any length.
//!   10. Return None for fewer than 20 bytes, for fewer than the data offset says, and for a data
//!      offset below 5.
//!   11. Return None for an option without a length, with a length below 2, or with an end after
//!       `header_len`.
//!   12. Do not panic or loop, whatever the bytes. The result depends on the argument only.
//!
//! `TcpOption` and `Flags` are in wire/src/segment.rs, `Header` is in
//! workshop/exercises/headers/checks.rs.
//!
//! How to go on:
//!
//!     cargo workshop check headers       checks it; so does  cargo test -p exercises --test headers
//!     cargo workshop hint headers        helps, a little more each time
//!     cargo run --example headers        runs the lesson

use std::process::ExitCode;

use workshop::checks::headers::Header;

/// The Internet checksum of these bytes.
pub fn checksum(bytes: &[u8]) -> u16 {
    let _ = bytes;
    todo!("sum the 16-bit words in a u32, add what was carried to the low 16 bits, complement")
}

/// The TCP header at the front of a segment, or `None` if it is not whole.
pub fn parse_tcp(bytes: &[u8]) -> Option<Header> {
    let _ = bytes;
    todo!("`first_chunk::<20>` or nothing; then the options, which are `bytes.get(20..header_len)`")
}

fn main() -> ExitCode {
    workshop::checks::headers::SUITE.examine((checksum, parse_tcp))
}
