//! What `parse` must return for packets as they should be.

use super::{
    Packet, Parse, Write,
    codec::Codec,
    recorded::{options, request, requests},
};
use crate::exam::{Exam, Verdict, numbered};

pub(super) fn requests_of_real_clients(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    for recorded in requests() {
        codec.parses(recorded.whose, recorded.bytes, &recorded.packet)?;
    }
    Ok(())
}

pub(super) fn an_oack(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let agreed = [("blksize", "1428"), ("tsize", "0")];
    let oack = Packet::OptionAck(options(&agreed));
    codec.parses("an OACK", b"\0\x06blksize\x001428\0tsize\x000\0", &oack)?;
    let nothing = Packet::OptionAck(Vec::new());
    codec.parses("an OACK without options", b"\0\x06", &nothing)
}

/// Neither the order of their names, nor that of their values. One name comes twice.
pub(super) fn the_order_of_options(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let asked = [("b", "2"), ("c", "1"), ("a", "3"), ("b", "0")];
    let bytes = b"\0\x02file\0octet\0b\x002\0c\x001\0a\x003\0b\x000\0";
    let what = "a request in which an option comes twice";
    codec.parses(what, bytes, &request(true, "file", "octet", &asked))?;
    let oack = Packet::OptionAck(options(&asked));
    let bytes = b"\0\x06b\x002\0c\x001\0a\x003\0b\x000\0";
    codec.parses("an OACK in which an option comes twice", bytes, &oack)
}

/// Numbers of which both bytes differ, and those at the ends.
const NUMBERS: [u16; 6] = [1, 258, 32_768, 65_280, 65_535, 0];

pub(super) fn numbers_of_acks(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    for number in NUMBERS {
        let [high, low] = number.to_be_bytes();
        let what = format!("the ACK of block {number}");
        codec.converts(&what, &Packet::Ack(number), &[0, 4, high, low])?;
    }
    Ok(())
}

pub(super) fn numbers_of_blocks(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    for number in NUMBERS {
        block(codec, number, b"data")?;
    }
    Ok(())
}

pub(super) fn codes_of_errors(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    for code in NUMBERS {
        let [high, low] = code.to_be_bytes();
        let bytes = [&[0, 5, high, low], &b"no\0"[..]].concat();
        let text = "no".to_owned();
        let what = format!("an ERROR with code {code}");
        codec.converts(&what, &Packet::Error { code, text }, &bytes)?;
    }
    Ok(())
}

/// The sizes of RFC 1350, of an Ethernet frame, of usual buffers, of RFC 2348, the most that a UDP
/// datagram takes, and more.
pub(super) fn blocks_of_any_length(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let every_value: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
    block(codec, 1, &every_value)?;
    block(codec, 2, &[0; 20])?;
    for len in [
        1, 511, 512, 513, 1428, 1468, 4096, 8192, 8193, 16_384, 65_464, 65_503, 70_000,
    ] {
        block(codec, 9, &numbered(len)[..len])?;
    }
    Ok(())
}

pub(super) fn an_empty_block(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let packet = Packet::Data {
        block: 2,
        bytes: Vec::new(),
    };
    let what = "the empty block after a file of 512 bytes";
    codec.converts(what, &packet, &[0, 3, 0, 2])
}

fn block(codec: Codec, number: u16, bytes: &[u8]) -> Verdict {
    let [high, low] = number.to_be_bytes();
    let datagram = [&[0, 3, high, low], bytes].concat();
    let what = format!("block {number} of {} bytes", bytes.len());
    let packet = Packet::Data {
        block: number,
        bytes: bytes.to_vec(),
    };
    codec.converts(&what, &packet, &datagram)
}
