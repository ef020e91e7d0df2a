//! Exercise 19: headers, solved.

use std::process::ExitCode;

use wire::segment::{Flags, TcpOption};
use workshop::checks::headers::Header;

/// The Internet checksum of these bytes.
pub fn checksum(bytes: &[u8]) -> u16 {
    // A u32 holds the sum of 32768 words, which are 64 KiB, with all its carries.
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|word| u16::from_be_bytes([word[0], *word.get(1).unwrap_or(&0)]))
        .map(u32::from)
        .sum();
    // Adding the carries may carry again.
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The TCP header at the front of a segment, or `None` if it is not whole.
pub fn parse_tcp(bytes: &[u8]) -> Option<Header> {
    // An array of 20 bytes can be indexed without a panic. Everything after it is read with `get`,
    // which returns `None` for bytes that are not there.
    let fixed: &[u8; 20] = bytes.first_chunk()?;
    let u16_at = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
    let u32_at = |at: usize| u32::from(u16_at(at)) << 16 | u32::from(u16_at(at + 2));
    let header_len = 4 * usize::from(fixed[12] >> 4);
    Some(Header {
        source: u16_at(0),
        destination: u16_at(2),
        seq: u32_at(4),
        ack: u32_at(8),
        header_len,
        flags: Flags(fixed[13]),
        window: u16_at(14),
        checksum: u16_at(16),
        urgent: u16_at(18),
        // `get` returns `None` too for a range that ends before it begins: a data offset below 5.
        options: options(bytes.get(20..header_len)?)?,
    })
}

/// The options. `rest` ends with the header, so no option can reach into the data.
fn options(mut rest: &[u8]) -> Option<Vec<TcpOption>> {
    let mut found = Vec::new();
    loop {
        match *rest {
            [] | [0, ..] => return Some(found),
            [1, ref after @ ..] => rest = after,
            [_] => return None,
            [kind, length, ..] => {
                // For a length below 2 `get` returns `None`, so each turn takes at least two bytes.
                found.push(option(kind, rest.get(2..length.into())?));
                rest = &rest[length.into()..];
            }
        }
    }
}

/// The length of the data shows whether the option's length is the one of its kind.
fn option(kind: u8, data: &[u8]) -> TcpOption {
    match (kind, data) {
        (2, &[high, low]) => TcpOption::Mss(u16::from_be_bytes([high, low])),
        (3, &[shift]) => TcpOption::WindowScale(shift),
        (4, []) => TcpOption::SackPermitted,
        (5, [_, ..]) if data.len().is_multiple_of(8) => {
            TcpOption::Sack(data.chunks(8).map(two_numbers).collect())
        }
        (8, [_, _, _, _, _, _, _, _]) => {
            let (value, echo) = two_numbers(data);
            TcpOption::Timestamps { value, echo }
        }
        _ => TcpOption::Other(kind, data.to_vec()),
    }
}

/// The two numbers in eight bytes.
fn two_numbers(bytes: &[u8]) -> (u32, u32) {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte));
    (number(&bytes[..4]), number(&bytes[4..]))
}

fn main() -> ExitCode {
    workshop::checks::headers::SUITE.examine((checksum, parse_tcp))
}
