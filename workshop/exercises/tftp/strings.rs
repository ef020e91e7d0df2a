//! Strings of every kind, which must stay as they are.

use super::{
    Packet, Parse, Write,
    codec::Codec,
    recorded::{options, request},
};
use crate::exam::{Exam, Verdict, numbered};

pub(super) fn keeps_every_letter(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let asked = [("BLKSIZE", "0512"), ("Timeout", "Ten"), ("x", " 1 ")];
    let odd = request(false, " Read Me ", "OcTeT", &asked);
    let bytes = b"\0\x01 Read Me \0OcTeT\0BLKSIZE\x000512\0Timeout\0Ten\0x\0 1 \0";
    codec.converts("a request in letters of both cases", &odd, bytes)?;
    let controls = request(true, "a\tb\r\n\u{7f}", "octet", &[("\u{1b}", "\u{1}")]);
    let bytes = b"\0\x02a\tb\r\n\x7f\0octet\0\x1b\0\x01\0";
    codec.converts("a request with control characters", &controls, bytes)?;
    let oack = Packet::OptionAck(options(&[("TSize", "007"), ("x", "+1")]));
    let bytes = b"\0\x06TSize\x00007\0x\0+1\0";
    codec.converts(
        "an OACK with values that are not plain numbers",
        &oack,
        bytes,
    )
}

pub(super) fn keeps_empty_strings(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let no_file = request(false, "", "octet", &[]);
    let what = "a request whose file is empty";
    codec.parses(what, b"\0\x01\0octet\0", &no_file)?;
    let no_mode = request(false, "file", "", &[]);
    let what = "a request whose mode is empty";
    codec.parses(what, b"\0\x01file\0\0", &no_mode)?;
    let no_value = request(false, "f", "octet", &[("x", ""), ("tsize", "0")]);
    let what = "a request with an empty value";
    codec.parses(what, b"\0\x01f\0octet\0x\0\0tsize\x000\0", &no_value)?;
    let no_name = Packet::OptionAck(options(&[("", "1"), ("tsize", "0")]));
    let what = "an OACK with an option whose name is empty";
    codec.parses(what, b"\0\x06\x001\0tsize\x000\0", &no_name)?;
    let empty = request(false, "", "", &[("", "")]);
    let what = "a request whose strings are all empty";
    codec.parses(what, b"\0\x01\0\0\0\0", &empty)
}

pub(super) fn keeps_long_strings(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    for len in [127, 128, 255, 256, 512, 1024, 60_000] {
        let text = String::from_utf8_lossy(&numbered(len)[..len]).into_owned();
        let file = request(false, &text, "octet", &[]);
        let bytes = [b"\0\x01", text.as_bytes(), b"\0octet\0"].concat();
        codec.converts(&format!("a file name of {len} bytes"), &file, &bytes)?;
        let oack = Packet::OptionAck(options(&[("x", &text)]));
        let bytes = [b"\0\x06x\0", text.as_bytes(), b"\0"].concat();
        codec.converts(&format!("a value of {len} bytes"), &oack, &bytes)?;
        let bytes = [b"\0\x05\0\0", text.as_bytes(), b"\0"].concat();
        let error = Packet::Error { code: 0, text };
        codec.converts(&format!("an ERROR's text of {len} bytes"), &error, &bytes)?;
    }
    Ok(())
}

pub(super) fn keeps_many_options(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    for count in [9, 33, 300] {
        let pairs = (0..count).map(|n| (format!("option {n}"), n.to_string()));
        let pairs: Vec<(String, String)> = pairs.collect();
        let joined: String = pairs
            .iter()
            .map(|(name, value)| format!("{name}\0{value}\0"))
            .collect();
        let bytes = [b"\0\x06", joined.as_bytes()].concat();
        let oack = Packet::OptionAck(pairs);
        codec.converts(&format!("an OACK with {count} options"), &oack, &bytes)?;
    }
    Ok(())
}

pub(super) fn judges_no_file_mode_or_option(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let mail = request(true, "root", "mail", &[]);
    let what = "a request with the obsolete mode `mail`";
    codec.parses(what, b"\0\x02root\0mail\0", &mail)?;
    let path = request(false, "/../../etc/passwd", "octet", &[]);
    let what = "a request whose file leads out of the folder";
    codec.parses(what, b"\0\x01/../../etc/passwd\0octet\0", &path)?;
    let asked = [("blksize", "1"), ("timeout", "-1"), ("x-unknown", "?")];
    let odd = request(false, "f", "octet", &asked);
    let what = "a request with values that make no sense";
    let bytes = b"\0\x01f\0octet\0blksize\x001\0timeout\0-1\0x-unknown\0?\0";
    codec.parses(what, bytes, &odd)
}

pub(super) fn parses_and_writes_utf_8(exam: &Exam, answer: (Parse, Write)) -> Verdict {
    let codec = Codec::new(exam, answer);
    let name = "\u{feff}gr\u{f6}\u{df}e \u{2192} \u{6587}\u{4ef6}.txt";
    let packet = request(true, name, "octet", &[("x", "\u{e9}")]);
    let bytes = [b"\0\x02", name.as_bytes(), b"\0octet\0x\0\xc3\xa9\0"].concat();
    codec.converts("a file and a value in UTF-8", &packet, &bytes)?;
    let packet = request(false, "f", "oct\u{e9}t", &[("\u{e9}", "1")]);
    let bytes = b"\0\x01f\0oct\xc3\xa9t\0\xc3\xa9\x001\0";
    codec.converts("a mode and an option's name in UTF-8", &packet, bytes)?;
    // What `from_utf8_lossy` puts in the place of other bytes, and the last letter there is.
    let packet = request(false, "\u{fffd}", "octet", &[("\u{10ffff}", "\u{fffd}")]);
    let bytes = b"\0\x01\xef\xbf\xbd\0octet\0\xf4\x8f\xbf\xbf\0\xef\xbf\xbd\0";
    codec.converts("a file and a value of U+FFFD", &packet, bytes)?;
    let text = "Datentr\u{e4}ger voll";
    let bytes = [b"\0\x05\0\0", text.as_bytes(), b"\0"].concat();
    let text = text.to_owned();
    codec.converts(
        "an ERROR in German",
        &Packet::Error { code: 0, text },
        &bytes,
    )
}
