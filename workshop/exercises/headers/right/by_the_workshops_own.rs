//! The workshop's own walk along the options, and a sum that is folded after each word.

use wire::{frame, segment::Flags};
use workshop::checks::headers::Header;

pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u16 = 0;
    for word in bytes.chunks(2) {
        let word = u16::from(word[0]) << 8 | u16::from(word.get(1).copied().unwrap_or_default());
        let (added, carried) = sum.overflowing_add(word);
        sum = added + u16::from(carried);
    }
    !sum
}

pub fn parse_tcp(bytes: &[u8]) -> Option<Header> {
    let number = |from: usize, to: usize| -> Option<u32> {
        let bytes = bytes.get(from..to)?.iter();
        Some(bytes.fold(0, |n, byte| n << 8 | u32::from(*byte)))
    };
    let header_len = (number(12, 13)? >> 4) as usize * 4;
    let options = frame::options(bytes.get(20..header_len)?).ok()?;
    Some(Header {
        source: number(0, 2)? as u16,
        destination: number(2, 4)? as u16,
        seq: number(4, 8)?,
        ack: number(8, 12)?,
        header_len,
        flags: Flags(number(13, 14)? as u8),
        window: number(14, 16)? as u16,
        checksum: number(16, 18)? as u16,
        urgent: number(18, 20)? as u16,
        options: options.into_iter().map(|(_, option)| option).collect(),
    })
}
