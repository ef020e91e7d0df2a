//! What is no packet, and must not be taken for one.

use super::{Parse, Write, codec::Codec, recorded::request};
use crate::exam::{Exam, Verdict};

/// Every beginning of a request. Where an option ends, and where the mode does, it is a whole one again.
pub(super) fn what_is_not_ended(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let whole = b"\0\x01file\0octet\0blksize\x00512\0tsize\x000\0";
    let cut = |what, len: usize| codec.refuses(what, &whole[..len]);
    cut("a request whose name is not ended", 6)?;
    cut("a request without a mode", 7)?;
    cut("a request whose mode is not ended", 12)?;
    let bare = request(false, "file", "octet", &[]);
    codec.reads("a request without options", &whole[..13], &bare)?;
    cut("a request with an option's name that is not ended", 17)?;
    cut("a request with an option that has no value", 21)?;
    cut("a request with a value that is not ended", 24)?;
    let one = request(false, "file", "octet", &[("blksize", "512")]);
    codec.reads("a request with one option", &whole[..25], &one)?;
    cut("a request whose second option has no value", 31)?;
    cut("a request whose second value is not ended", 32)?;
    codec.refuses("a request with a NUL too many", b"\0\x01file\0octet\0\0")?;
    codec.refuses("an OACK with a name that is not ended", b"\0\x06tsize")?;
    codec.refuses("an OACK with an option that has no value", b"\0\x06tsize\0")?;
    codec.refuses(
        "an OACK with a value that is not ended",
        b"\0\x06tsize\x001",
    )
}

pub(super) fn what_is_no_packet(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    codec.refuses("an empty datagram", b"")?;
    codec.refuses("a datagram of one byte", b"\0")?;
    for opcode in [0, 7, 255, 256, 257, 772, 65_535_u16] {
        let [high, low] = opcode.to_be_bytes();
        let bytes = [high, low, 0, 1];
        codec.refuses(&format!("opcode {opcode}"), &bytes)?;
        let request = [&[high, low], &b"file\0octet\0"[..]].concat();
        codec.refuses(
            &format!("opcode {opcode} in front of a name and a mode"),
            &request,
        )?;
    }
    for (opcode, name) in [(3, "DATA"), (4, "an ACK"), (5, "an ERROR")] {
        codec.refuses(&format!("{name} without its number"), &[0, opcode])?;
        codec.refuses(&format!("{name} with half a number"), &[0, opcode, 0])?;
    }
    codec.refuses("an ACK of five bytes", b"\0\x04\0\x01\0")?;
    for opcode in [1, 2] {
        let what = format!("opcode {opcode} and nothing else");
        codec.refuses(&what, &[0, opcode])?;
    }
    Ok(())
}

pub(super) fn what_is_no_text(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let name = "gr\u{f6}\u{df}e \u{2192} \u{6587}\u{4ef6}.txt";
    let packet = request(true, name, "octet", &[("x", "\u{e9}")]);
    let bytes = [b"\0\x02", name.as_bytes(), b"\0octet\0x\0\xc3\xa9\0"].concat();
    codec.reads("a name and a value in UTF-8", &bytes, &packet)?;
    codec.writes("a name and a value in UTF-8", &packet, &bytes)?;
    codec.refuses("a name in Latin-1", b"\0\x01gr\xf6\xdfe\0octet\0")?;
    codec.refuses("a mode that is not UTF-8", b"\0\x01file\0oct\xe8t\0")?;
    codec.refuses(
        "an option that is not UTF-8",
        b"\0\x01file\0octet\0\xff\x001\0",
    )?;
    codec.refuses("a value that is not UTF-8", b"\0\x06tsize\0\xff\0")
}
