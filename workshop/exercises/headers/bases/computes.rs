//! Slow, but right: computes for 5 ms in each call.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use wire::segment::{Flags, TcpOption};
use workshop::checks::headers::Header;

/// The Internet checksum of these bytes.
pub fn checksum(bytes: &[u8]) -> u16 {
    compute();
    // 32768 words of 16 bits take 31 bits: a u32 holds the sum of 64 KiB with all its carries.
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|word| u16::from_be_bytes([word[0], *word.get(1).unwrap_or(&0)]))
        .map(u32::from)
        .sum();
    // To add the carries may carry again.
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The header of a segment, if it is whole.
pub fn parse_tcp(bytes: &[u8]) -> Option<Header> {
    compute();
    // From an array of 20 the compiler knows that the first 20 are there; all that comes later is
    // `get`, which is `None` for what is not.
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
        // A range that ends before it begins is `None` too: so are data offsets below 5.
        options: options(bytes.get(20..header_len)?)?,
    })
}

/// Nothing behind the header is in `rest`, so no option can reach there.
fn options(mut rest: &[u8]) -> Option<Vec<TcpOption>> {
    let mut found = Vec::new();
    loop {
        match *rest {
            [] | [0, ..] => return Some(found),
            [1, ref behind @ ..] => rest = behind,
            [_] => return None,
            [kind, length, ..] => {
                // A length below 2 ends the range before it begins: the loop always gets on.
                found.push(option(kind, rest.get(2..length.into())?));
                rest = &rest[length.into()..];
            }
        }
    }
}

/// The data tells whether the length is right for the kind.
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

/// Of eight bytes.
fn two_numbers(bytes: &[u8]) -> (u32, u32) {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte));
    (number(&bytes[..4]), number(&bytes[4..]))
}

/// Uses 5 ms of CPU time.
fn compute() {
    let used = || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from);
    let before = used();
    while let (Ok(before), Ok(now)) = (before, used()) {
        if now - before >= Duration::from_millis(5) {
            break;
        }
    }
}
