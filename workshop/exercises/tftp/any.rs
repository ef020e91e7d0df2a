//! Many datagrams, and many packets, always the same: what a few examples do not show.

use super::{
    Packet, Parse, Write,
    codec::Codec,
    recorded::{others, requests},
};
use crate::exam::{Exam, Verdict};

/// So many datagrams are read.
const DATAGRAMS: usize = 20_000;

/// So many packets are written and read.
const PACKETS: usize = 2_000;

/// Numbers that look like chance and are none: xorshift (Marsaglia, 2003).
struct Numbers(u32);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % limit
    }

    fn text(&mut self) -> String {
        let len = self.below(8);
        let letters = ["a", "Z", "0", " ", "\u{f6}", "\u{2192}", ".", "/"];
        (0..len)
            .map(|_| letters[self.below(letters.len())])
            .collect()
    }
}

/// Half of them are packets as they should be, with a byte or two changed, or cut; half begin with an
/// opcode, and go on with whatever comes.
pub(super) fn survives_any_bytes(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let known: Vec<&[u8]> = requests()
        .iter()
        .chain(&others())
        .map(|is| is.bytes)
        .collect();
    let mut numbers = Numbers(0x2545_f491);
    let all = (0..DATAGRAMS).map(|index| {
        if index % 2 == 0 {
            let mut bytes = known[numbers.below(known.len())].to_vec();
            for _ in 0..numbers.below(3) {
                let at = numbers.below(bytes.len());
                bytes[at] = [0, 1, b'x', 0xff][numbers.below(4)];
            }
            if numbers.below(2) == 0 {
                bytes.truncate(numbers.below(bytes.len() + 1));
            }
            bytes
        } else {
            let len = numbers.below(12);
            let byte = |_| [0, b'a', b'0', 0xc3, 0xa9][numbers.below(5)];
            let rest: Vec<u8> = (0..len).map(byte).collect();
            [&[0, numbers.below(8) as u8], &rest[..]].concat()
        }
    });
    Codec::new(exam, answer).reads_all(all.collect())
}

pub(super) fn reads_what_it_writes(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let mut numbers = Numbers(0x9e37_79b9);
    let all = (0..PACKETS).map(|index| {
        let number = numbers.below(1 << 16) as u16;
        let count = numbers.below(4);
        let options = (0..count)
            .map(|_| (numbers.text(), numbers.text()))
            .collect();
        match index % 5 {
            0 => Packet::Request {
                write: number & 1 == 0,
                file: numbers.text(),
                mode: numbers.text(),
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
                text: numbers.text(),
            },
            _ => Packet::OptionAck(options),
        }
    });
    Codec::new(exam, answer).both_ways(all.collect())
}
