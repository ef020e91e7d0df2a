//! Many datagrams and many packets, the same in every run: they show what a few examples do not.

use super::{
    Packet, Parse, Write,
    codec::{Codec, own_bytes},
    recorded::{others, requests},
};
use crate::exam::{Exam, Numbers, Verdict};

/// The number of damaged datagrams, and of packets.
const DATAGRAMS: usize = 20_000;
const PACKETS: usize = 2_000;

/// Letters of one byte, and of one to three bytes.
const ASCII: [&str; 6] = ["a", "Z", "0", " ", ".", "/"];
const UTF_8: [&str; 8] = ["a", "Z", "0", " ", "\u{f6}", "\u{2192}", ".", "/"];

/// A string of up to seven of these letters.
fn text(letters: &[&str], numbers: &mut Numbers) -> String {
    let len = numbers.below(8);
    (0..len).map(|_| numbers.one_of(letters)).collect()
}

/// The largest payload of a UDP datagram over IPv4, in bytes.
const LARGEST: usize = 65_507;

/// Packets of all kinds. Of the others, half are packets with a byte or two changed, or cut, and
/// half are an opcode and random bytes.
pub(super) fn parses_many_datagrams(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let whole: Vec<Vec<u8>> = packets(0x9e37_79b9, &UTF_8).iter().map(own_bytes).collect();
    codec.parses_all(&format!("{PACKETS} packets of all kinds"), whole)?;
    let known: Vec<&[u8]> = requests()
        .iter()
        .chain(&others())
        .map(|is| is.bytes)
        .collect();
    let mut numbers = Numbers::new(0x2545_f491);
    let all = (0..DATAGRAMS).map(|index| {
        if index % 2 == 0 {
            let mut bytes = numbers.one_of(&known).to_vec();
            for _ in 0..numbers.below(3) {
                let at = numbers.below(bytes.len());
                bytes[at] = numbers.one_of(&[0, 1, b'x', 0xff]);
            }
            if numbers.below(2) == 0 {
                bytes.truncate(numbers.below(bytes.len() + 1));
            }
            bytes
        } else {
            let len = numbers.below(12);
            let byte = |_| numbers.one_of(&[0, b'a', b'0', 0xc3, 0xa9]);
            let rest: Vec<u8> = (0..len).map(byte).collect();
            [&[0, numbers.below(8) as u8], &rest[..]].concat()
        }
    });
    let what = format!("{DATAGRAMS} datagrams, most of which are not packets");
    codec.parses_all(&what, all.collect())
}

/// What a stranger sends to make a parser run out of stack, of memory, or of time.
pub(super) fn parses_the_largest_datagrams(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    for opcode in 0..=7 {
        exam.step(format!(
            "parses datagrams of {LARGEST} bytes, and of one less, with opcode {opcode}"
        ));
        let filled = |with: &[u8], len: usize| -> Vec<u8> {
            let rest = with.iter().copied().cycle();
            [0, opcode].into_iter().chain(rest).take(len).collect()
        };
        let both = |with: &[u8]| [filled(with, LARGEST), filled(with, LARGEST - 1)];
        let all = [both(b"\0"), both(b"a"), both(b"a\0"), both(b"\xff")];
        let what = format!("8 datagrams with opcode {opcode}");
        codec.parses_all(&what, all.into_iter().flatten().collect())?;
    }
    Ok(())
}

pub(super) fn writes_many_packets(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    Codec::new(exam, answer).writes_all(packets(0x9e37_79b9, &ASCII))
}

pub(super) fn writes_many_packets_in_utf_8(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    Codec::new(exam, answer).writes_all(packets(0x85eb_ca6b, &UTF_8))
}

/// Packets of all kinds, of which each is another, with strings of these letters.
fn packets(first: u32, letters: &[&str]) -> Vec<Packet> {
    let mut numbers = Numbers::new(first);
    let all = (0..PACKETS).map(|index| {
        let number = numbers.below(1 << 16) as u16;
        let count = numbers.below(4);
        let options = (0..count)
            .map(|_| (text(letters, &mut numbers), text(letters, &mut numbers)))
            .collect();
        match index % 5 {
            0 => Packet::Request {
                write: number & 1 == 0,
                file: text(letters, &mut numbers),
                mode: text(letters, &mut numbers),
                options,
            },
            1 => Packet::Data {
                block: number,
                bytes: (0..numbers.below(600))
                    .map(|_| numbers.below(256) as u8)
                    .collect(),
            },
            2 => Packet::Ack(number),
            3 => Packet::Error {
                code: number,
                text: text(letters, &mut numbers),
            },
            _ => Packet::OptionAck(options),
        }
    });
    all.collect()
}
