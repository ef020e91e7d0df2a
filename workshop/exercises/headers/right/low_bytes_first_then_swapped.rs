//! Sums words with their low byte first and swaps the result, which comes to the same (RFC 1071
//! section 2 B); reads with a `Read` that ends; and slowly.

use std::{
    io::{Cursor, Read},
    thread,
    time::Duration,
};

use wire::segment::{Flags, TcpOption};
use workshop::checks::headers::Header;

pub fn checksum(bytes: &[u8]) -> u16 {
    let mut bytes = bytes.to_vec();
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    let mut sum: u64 = 0;
    for at in (0..bytes.len()).step_by(2) {
        sum += u64::from(bytes[at]) + 256 * u64::from(bytes[at + 1]);
    }
    while sum >= 65536 {
        sum = sum % 65536 + sum / 65536;
    }
    (65535 - sum as u16).swap_bytes()
}

fn byte(from: &mut impl Read) -> Option<u8> {
    let mut byte = [0];
    from.read_exact(&mut byte).ok()?;
    Some(byte[0])
}

fn number(from: &mut impl Read, bytes: usize) -> Option<u32> {
    (0..bytes).try_fold(0, |n: u32, _| Some(n * 256 + u32::from(byte(from)?)))
}

pub fn parse_tcp(bytes: &[u8]) -> Option<Header> {
    thread::sleep(Duration::from_millis(1));
    let mut from = Cursor::new(bytes);
    let mut header = Header {
        source: number(&mut from, 2)? as u16,
        destination: number(&mut from, 2)? as u16,
        seq: number(&mut from, 4)?,
        ack: number(&mut from, 4)?,
        header_len: usize::from(byte(&mut from)? / 16) * 4,
        flags: Flags(byte(&mut from)?),
        window: number(&mut from, 2)? as u16,
        checksum: number(&mut from, 2)? as u16,
        urgent: number(&mut from, 2)? as u16,
        options: Vec::new(),
    };
    let length = header.header_len.checked_sub(20)?;
    let mut options = vec![0; length];
    from.read_exact(&mut options).ok()?;
    let mut from = Cursor::new(&options[..]);
    while let Some(kind) = byte(&mut from) {
        if kind == 0 {
            break;
        }
        if kind == 1 {
            continue;
        }
        let length = usize::from(byte(&mut from)?).checked_sub(2)?;
        let mut data = vec![0; length];
        from.read_exact(&mut data).ok()?;
        header
            .options
            .push(known(kind, &data).unwrap_or(TcpOption::Other(kind, data)));
    }
    Some(header)
}

fn known(kind: u8, data: &[u8]) -> Option<TcpOption> {
    let mut from = Cursor::new(data);
    match (kind, data.len()) {
        (2, 2) => Some(TcpOption::Mss(number(&mut from, 2)? as u16)),
        (3, 1) => Some(TcpOption::WindowScale(byte(&mut from)?)),
        (4, 0) => Some(TcpOption::SackPermitted),
        (5, 8 | 16 | 24 | 32) => {
            let mut ranges = Vec::new();
            while let Some(left) = number(&mut from, 4) {
                ranges.push((left, number(&mut from, 4)?));
            }
            Some(TcpOption::Sack(ranges))
        }
        (8, 8) => Some(TcpOption::Timestamps {
            value: number(&mut from, 4)?,
            echo: number(&mut from, 4)?,
        }),
        _ => None,
    }
}
