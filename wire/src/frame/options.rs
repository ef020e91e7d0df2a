//! The options of a TCP header (RFC 9293 section 3.1): a walk along kinds and lengths.
//!
//! etherparse has one as well, but it stops at the first kind it does not know.

use std::ops::Range;

use super::Fault;
use crate::segment::TcpOption;

const END: u8 = 0;
const NO_OPERATION: u8 = 1;

/// The options, each with the bytes that it takes; no padding.
///
/// # Errors
/// A length that cannot be: its offset is counted from the first option.
pub fn options(bytes: &[u8]) -> Result<Vec<(Range<usize>, TcpOption)>, Fault> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&kind) = bytes.get(at) {
        match kind {
            END => break,
            NO_OPERATION => at += 1,
            _ => {
                let range = at..at + length(bytes, at)?;
                found.push((range.clone(), option(kind, &bytes[at + 2..range.end])));
                at = range.end;
            }
        }
    }
    Ok(found)
}

/// How long the option at `at` says it is: at least its kind and its length, at most what is there.
fn length(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    let kind = bytes[at];
    let fault = |at, reason: String| Fault::new("TCP option length", at, reason);
    let Some(&length) = bytes.get(at + 1) else {
        let reason = format!("the header ends after the option's kind, {kind}");
        return Err(fault(at + 1, reason));
    };
    let length = usize::from(length);
    let left = bytes.len() - at;
    match length {
        0 | 1 => Err(fault(
            at + 1,
            format!("option {kind} says {length}, and its kind and length alone take 2"),
        )),
        _ if length > left => Err(fault(
            at + 1,
            format!("option {kind} says {length}, and {left} bytes of the header are left"),
        )),
        _ => Ok(length),
    }
}

/// A kind with a length that is not its own stays what it is: bytes.
fn option(kind: u8, data: &[u8]) -> TcpOption {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte));
    match (kind, data) {
        (2, &[high, low]) => TcpOption::Mss(u16::from_be_bytes([high, low])),
        (3, &[shift]) => TcpOption::WindowScale(shift),
        (4, []) => TcpOption::SackPermitted,
        (5, _) if !data.is_empty() && data.len().is_multiple_of(8) => {
            let range = |edges: &[u8]| (number(&edges[..4]), number(&edges[4..]));
            TcpOption::Sack(data.chunks_exact(8).map(range).collect())
        }
        (8, _) if data.len() == 8 => TcpOption::Timestamps {
            value: number(&data[..4]),
            echo: number(&data[4..]),
        },
        _ => TcpOption::Other(kind, data.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::options;
    use crate::segment::TcpOption::*;

    #[test]
    fn a_syn_of_linux() {
        let bytes = b"\x02\x04\xff\xd7\x04\x02\x08\x0a\0\0\0\x01\0\0\0\0\x01\x03\x03\x07";
        let timestamps = Timestamps { value: 1, echo: 0 };
        let want = [
            (0..4, Mss(65495)),
            (4..6, SackPermitted),
            (6..16, timestamps),
            (17..20, WindowScale(7)),
        ];
        assert_eq!(options(bytes).unwrap(), want);
    }

    #[test]
    fn what_is_unknown_is_kept() {
        let found = options(b"\xfe\x04\xca\xfe\x02\x03\x09\0\xff\xff").unwrap();
        let want = [
            (0..4, Other(254, vec![0xca, 0xfe])),
            (4..7, Other(2, vec![9])),
        ];
        assert_eq!(found, want, "and what comes after the end is not looked at");
    }

    #[test]
    fn a_length_that_cannot_be_is_a_fault_where_it_stands() {
        for (bytes, offset) in [
            (&b"\x01\x02\x00"[..], 2),
            (b"\x02\x01", 1),
            (b"\x08\x0a\0\0", 1),
            (b"\x01\x02", 2),
        ] {
            assert_eq!(options(bytes).unwrap_err().offset, offset, "{bytes:02x?}");
        }
    }
}
