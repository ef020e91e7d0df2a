//! An ERROR ends a transfer, so `parse` must not drop a damaged one.

use super::{Packet, Parse, Write, codec::Codec};
use crate::exam::{Exam, Verdict};

fn error(code: u16, text: &str) -> Packet {
    let text = text.to_owned();
    Packet::Error { code, text }
}

pub(super) fn of_any_code(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    for code in [1, 0, 8, 9, 258, 65_535] {
        let [high, low] = u16::to_be_bytes(code);
        let bytes = [&[0, 5, high, low], &b"File not found\0"[..]].concat();
        let what = format!("an ERROR with code {code}");
        codec.parses(&what, &bytes, &error(code, "File not found"))?;
    }
    codec.parses("an ERROR without a text", b"\0\x05\0\x08\0", &error(8, ""))
}

pub(super) fn end_at_the_first_nul(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let what = "an ERROR with bytes after its NUL";
    codec.parses(what, b"\0\x05\0\x02no\0padding", &error(2, "no"))?;
    let lines = "no\r\nsuch\tfile\n";
    let bytes = [b"\0\x05\0\x01", lines.as_bytes(), b"\0"].concat();
    codec.parses("an ERROR of two lines", &bytes, &error(1, lines))?;
    let what = "an ERROR with two strings";
    codec.parses(what, b"\0\x05\0\x02no\0padding\0", &error(2, "no"))?;
    let what = "an ERROR with bytes after its NUL that are not UTF-8";
    codec.parses(what, b"\0\x05\0\x02no\0\xff", &error(2, "no"))
}

pub(super) fn without_their_nul(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let what = "an ERROR without its NUL";
    codec.parses(
        what,
        b"\0\x05\0\x01File not found",
        &error(1, "File not found"),
    )?;
    codec.parses("an ERROR of four bytes", b"\0\x05\x01\x02", &error(258, ""))
}

pub(super) fn that_are_not_utf_8(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    // The text is unreadable. That the transfer is over is not.
    let what = "an ERROR whose text is not UTF-8";
    codec.parses_all(what, vec![b"\0\x05\0\x03disk \xff full\0".to_vec()])?;
    let what = "an ERROR whose text is not UTF-8, and without its NUL";
    codec.parses_all(what, vec![b"\0\x05\0\x03disk \xff full".to_vec()])
}
