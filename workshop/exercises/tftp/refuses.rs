//! What is not a packet, so that `parse` must return None.

use super::{Parse, Write, codec::Codec, recorded::request};
use crate::exam::{Exam, Verdict};

pub(super) fn an_unknown_opcode(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    codec.refuses("an empty datagram", b"")?;
    codec.refuses("a datagram of one byte", b"\0")?;
    for opcode in [0, 7, 255, 256, 257, 772, 1280, 65_535_u16] {
        let [high, low] = opcode.to_be_bytes();
        codec.refuses(&format!("opcode {opcode}"), &[high, low, 0, 1])?;
        let request = [&[high, low], &b"file\0octet\0"[..]].concat();
        let what = format!("opcode {opcode}, a file and a mode");
        codec.refuses(&what, &request)?;
    }
    Ok(())
}

pub(super) fn a_number_with_a_byte_missing(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    for (opcode, name) in [(3, "a DATA"), (4, "an ACK"), (5, "an ERROR")] {
        codec.refuses(&format!("{name} without its number"), &[0, opcode])?;
        codec.refuses(&format!("{name} with half a number"), &[0, opcode, 0])?;
    }
    Ok(())
}

pub(super) fn a_long_ack(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    codec.refuses("an ACK of five bytes", b"\0\x04\0\x01\0")?;
    codec.refuses("an ACK with options", b"\0\x04\0\x01tsize\x000\0")
}

/// A request is cut at each place. Where an option ends, and where the mode does, it is a whole one
/// again.
pub(super) fn a_string_without_its_nul(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let whole = b"\0\x01file\0octet\0blksize\x00512\0tsize\x000\0";
    let cut = |what, len: usize| codec.refuses(what, &whole[..len]);
    cut("a request without a file", 2)?;
    cut("a request whose file has no NUL", 6)?;
    cut("a request without a mode", 7)?;
    cut("a request whose mode has no NUL", 12)?;
    let bare = request(false, "file", "octet", &[]);
    codec.parses("a request without options", &whole[..13], &bare)?;
    cut("a request with an option whose name has no NUL", 17)?;
    cut("a request with a value that has no NUL", 24)?;
    let one = request(false, "file", "octet", &[("blksize", "512")]);
    codec.parses("a request with one option", &whole[..25], &one)?;
    cut("a request whose second value has no NUL", 32)?;
    codec.refuses("an OACK with a name that has no NUL", b"\0\x06tsize")?;
    codec.refuses("an OACK with a value that has no NUL", b"\0\x06tsize\x001")
}

pub(super) fn an_option_without_a_value(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let what = "a request with an option without a value";
    codec.refuses(what, b"\0\x01file\0octet\0blksize\0")?;
    let what = "a request whose second option has no value";
    codec.refuses(what, b"\0\x01file\0octet\0blksize\x00512\0tsize\0")?;
    let what = "a request with a NUL after its mode";
    codec.refuses(what, b"\0\x01file\0octet\0\0")?;
    let what = "an OACK with an option without a value";
    codec.refuses(what, b"\0\x06tsize\0")?;
    codec.refuses(
        "an OACK with a NUL after its value",
        b"\0\x06tsize\x001\0\0",
    )
}

pub(super) fn what_is_not_utf_8(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    codec.refuses("a file in Latin-1", b"\0\x01gr\xf6\xdfe\0octet\0")?;
    codec.refuses("a mode that is not UTF-8", b"\0\x01file\0oct\xe8t\0")?;
    let what = "an option's name that is not UTF-8";
    codec.refuses(what, b"\0\x01file\0octet\0\xff\x001\0")?;
    codec.refuses("a value that is not UTF-8", b"\0\x06tsize\0\xff\0")?;
    codec.refuses("a file whose last letter is cut", b"\0\x02caf\xc3\0octet\0")
}
