//! Without a loop: each option is the first, and the rest is a list of options. It sums by halves.

use wire::segment::{Flags, TcpOption};
use workshop::checks::headers::Header;

pub fn checksum(bytes: &[u8]) -> u16 {
    !sum(bytes)
}

fn sum(bytes: &[u8]) -> u16 {
    match *bytes {
        [] => 0,
        [high] => u16::from_be_bytes([high, 0]),
        [high, low] => u16::from_be_bytes([high, low]),
        _ => {
            let middle = bytes.len().div_ceil(4) * 2;
            let halves = u32::from(sum(&bytes[..middle])) + u32::from(sum(&bytes[middle..]));
            ((halves % 0x1_0000) + (halves >> 16)) as u16
        }
    }
}

pub fn parse_tcp(bytes: &[u8]) -> Option<Header> {
    let (fixed, _) = bytes.split_at_checked(20)?;
    let words = fixed
        .chunks(2)
        .map(|word| u16::from_be_bytes([word[0], word[1]]));
    let words: Vec<u16> = words.collect();
    let header_len = usize::from(words[6] >> 12) * 4;
    if !(20..=bytes.len()).contains(&header_len) {
        return None;
    }
    Some(Header {
        source: words[0],
        destination: words[1],
        seq: u32::from(words[2]) * 65536 + u32::from(words[3]),
        ack: u32::from(words[4]) * 65536 + u32::from(words[5]),
        header_len,
        flags: Flags(words[6] as u8),
        window: words[7],
        checksum: words[8],
        urgent: words[9],
        options: options(&bytes[20..header_len])?,
    })
}

fn options(bytes: &[u8]) -> Option<Vec<TcpOption>> {
    let Some((kind, rest)) = bytes.split_first() else {
        return Some(Vec::new());
    };
    match kind {
        0 => Some(Vec::new()),
        1 => options(rest),
        _ => {
            let length = usize::from(*rest.first()?);
            if length < 2 || length > bytes.len() {
                return None;
            }
            let first = option(*kind, &bytes[2..length]);
            let others = options(&bytes[length..])?;
            Some([vec![first], others].concat())
        }
    }
}

fn option(kind: u8, data: &[u8]) -> TcpOption {
    let number = |at: usize| u32::from_be_bytes(data[at..at + 4].try_into().unwrap());
    match kind {
        2 if data.len() == 2 => TcpOption::Mss(u16::from(data[0]) * 256 + u16::from(data[1])),
        3 if data.len() == 1 => TcpOption::WindowScale(data[0]),
        4 if data.is_empty() => TcpOption::SackPermitted,
        5 if !data.is_empty() && data.len() % 8 == 0 => {
            let ranges = (0..data.len()).step_by(8);
            TcpOption::Sack(ranges.map(|at| (number(at), number(at + 4))).collect())
        }
        8 if data.len() == 8 => TcpOption::Timestamps {
            value: number(0),
            echo: number(4),
        },
        _ => TcpOption::Other(kind, data.to_vec()),
    }
}
