//! What is read and written of packets as they should be.

use super::{
    Packet, Parse, Write,
    codec::Codec,
    recorded::{options, others, request, requests},
};
use crate::exam::{Exam, Verdict, numbered};

pub(super) fn recorded_requests(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    for recorded in requests() {
        codec.reads(recorded.whose, recorded.bytes, &recorded.packet)?;
    }
    Ok(())
}

pub(super) fn writes_recorded(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    for recorded in requests().into_iter().chain(others()) {
        codec.writes(recorded.whose, &recorded.packet, recorded.bytes)?;
    }
    Ok(())
}

/// Numbers whose bytes differ, and bytes of every value.
pub(super) fn blocks(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    for number in [1, 258, 65_535, 0] {
        let [high, low] = u16::to_be_bytes(number);
        let ack = [0, 4, high, low];
        let what = format!("the ACK of block {number}");
        codec.reads(&what, &ack, &Packet::Ack(number))?;
        codec.writes(&what, &Packet::Ack(number), &ack)?;
    }
    let every_value: Vec<u8> = (0..=255).chain(0..=255).collect();
    let of_zeros = [0; 20].to_vec();
    for (block, bytes) in [
        (1, every_value),
        (258, of_zeros),
        (9, numbered(8_000)),
        (65_535, numbered(1)),
    ] {
        let [high, low] = u16::to_be_bytes(block);
        let datagram = [&[0, 3, high, low], &bytes[..]].concat();
        let what = format!("block {block}, of {} bytes", bytes.len());
        let packet = Packet::Data { block, bytes };
        codec.reads(&what, &datagram, &packet)?;
        codec.writes(&what, &packet, &datagram)?;
    }
    Ok(())
}

pub(super) fn an_empty_block(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let what = "the empty block behind a file of 512 bytes";
    let packet = Packet::Data {
        block: 2,
        bytes: Vec::new(),
    };
    codec.reads(what, &[0, 3, 0, 2], &packet)?;
    codec.writes(what, &packet, &[0, 3, 0, 2])
}

pub(super) fn errors(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let error = |code, text: &str| Packet::Error {
        code,
        text: text.to_owned(),
    };
    let whole = b"\0\x05\0\x01File not found\0";
    codec.reads("an ERROR", whole, &error(1, "File not found"))?;
    codec.writes("an ERROR", &error(1, "File not found"), whole)?;
    let cut = &whole[..whole.len() - 1];
    codec.reads("an ERROR without its NUL", cut, &error(1, "File not found"))?;
    codec.reads("an ERROR without a text", b"\0\x05\0\x08\0", &error(8, ""))?;
    codec.writes("an ERROR without a text", &error(8, ""), b"\0\x05\0\x08\0")?;
    codec.reads("an ERROR of four bytes", b"\0\x05\x01\x02", &error(258, ""))?;
    let more = b"\0\x05\0\x02no\0padding";
    codec.reads("an ERROR with bytes behind its NUL", more, &error(2, "no"))?;
    let umlaut = "\0\x05\0\0Datentr\u{e4}ger voll\0".as_bytes();
    codec.reads(
        "an ERROR in German",
        umlaut,
        &error(0, "Datentr\u{e4}ger voll"),
    )?;
    // The text alone is unreadable. That the transfer is over is not.
    codec.reads_all(vec![b"\0\x05\0\x03disk \xff full\0".to_vec()])
}

pub(super) fn kept_options(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let agreed = [("blksize", "1428"), ("tsize", "0"), ("x-unknown", "")];
    let oack = Packet::OptionAck(options(&agreed));
    let bytes = b"\0\x06blksize\x001428\0tsize\x000\0x-unknown\0\0";
    codec.reads("an OACK", bytes, &oack)?;
    codec.writes("an OACK", &oack, bytes)?;
    let bytes = b"\0\x06";
    let nothing = Packet::OptionAck(Vec::new());
    codec.reads("an OACK that agrees to nothing", bytes, &nothing)?;
    codec.writes("an OACK that agrees to nothing", &nothing, bytes)?;

    let asked = [("BLKSIZE", "0512"), ("blksize", "1024"), ("Timeout", "Ten")];
    let odd = request(false, "Read Me", "OcTeT", &asked);
    let bytes = b"\0\x01Read Me\0OcTeT\0BLKSIZE\x000512\0blksize\x001024\0Timeout\0Ten\0";
    codec.reads("a request in letters of both cases", bytes, &odd)?;
    codec.writes("a request in letters of both cases", &odd, bytes)?;
    let mail = request(true, "root", "mail", &[]);
    codec.reads(
        "a request of a mode that nobody has any more",
        b"\0\x02root\0mail\0",
        &mail,
    )?;
    let empty = request(false, "", "", &[("", "")]);
    let what = "a request whose strings are all empty";
    codec.reads(what, b"\0\x01\0\0\0\0", &empty)?;
    codec.writes(what, &empty, b"\0\x01\0\0\0\0")
}
