//! Bytes in, calls and answers out. What Go itself said is in
//! `tests/go-jsonrpc.txt` (see `kv::tests`).

use std::io::{BufReader, Read};

use serde_json::value::RawValue;

use super::{
    Line, MAX_REQUEST, Request,
    object::{FromObject, means, string, text},
    parse_answer, read_line, write_answer,
};

#[derive(Debug, Default, PartialEq)]
struct Argument {
    text: String,
}

impl FromObject<'_> for Argument {
    fn take(&mut self, name: &str, value: &RawValue) -> Result<(), String> {
        if means(name, "Text")
            && let Some(text) = string(value)?
        {
            self.text = text.into_owned();
        }
        Ok(())
    }
}

/// A reader that hands out its bytes one at a time, as a network may.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = buf.len().min(1);
        (&mut self.0).take(n as u64).read(buf)
    }
}

#[test]
fn a_line_is_whole_cut_too_long_or_the_end() {
    let line = |bytes: &[u8], max| {
        let mut line = b"old".to_vec();
        let outcome = read_line(&mut BufReader::new(bytes), &mut line, max).unwrap();
        (outcome, line)
    };
    assert_eq!(line(b"abc\ndef", 3), (Line::Whole, b"abc".to_vec()));
    assert_eq!(line(b"\n", 3), (Line::Whole, Vec::new()));
    assert_eq!(line(b"abc", 3), (Line::Cut, b"abc".to_vec()));
    assert_eq!(line(b"", 3), (Line::EndOfFile, Vec::new()));
    assert_eq!(line(b"abcd\n", 3).0, Line::TooLong);
}

#[test]
fn a_line_split_anywhere_is_the_same_line() {
    let mut line = Vec::new();
    let mut reader = BufReader::with_capacity(1, Drip(b"first\nsecond\n"));
    assert_eq!(read_line(&mut reader, &mut line, 10).unwrap(), Line::Whole);
    assert_eq!(line, b"first");
    assert_eq!(read_line(&mut reader, &mut line, 10).unwrap(), Line::Whole);
    assert_eq!(line, b"second");
}

#[test]
fn a_line_without_end_is_not_kept() {
    let mut line = Vec::new();
    let endless = std::io::repeat(b'x').take(100 << 20);
    assert_eq!(
        read_line(&mut BufReader::new(endless), &mut line, MAX_REQUEST).unwrap(),
        Line::TooLong
    );
    assert!(
        line.capacity() <= 2 * MAX_REQUEST + 64,
        "{}",
        line.capacity()
    );
}

#[test]
fn an_id_of_any_type_comes_back_without_the_spaces_between_its_parts() {
    for id in [
        "7",
        "\"seven\"",
        "1e400",
        "123456789012345678901234567890",
        "[1,2]",
        "{\"a\":null}",
        "\"a\\\\\"",
        "\"\\\" [ \"",
        "true",
    ] {
        let spaced = id.replace(',', " , ").replace(':', "\t: ");
        let line = format!(r#"{{"method":"m","params":[],"id": {spaced} }}"#);
        let mut out = Vec::new();
        write_answer(&mut out, Request::parse(&line).unwrap().id, Ok(1));
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!("{{\"id\":{id},\"result\":1,\"error\":null}}\n")
        );
    }
}

#[test]
fn what_is_no_object_is_no_request() {
    for line in [
        "",
        "not json",
        "[",
        "[1,2]",
        "7",
        "{\"id\":1",
        "{\"id\":1}x",
        "nul",
        "\u{c}{}",
    ] {
        assert!(Request::parse(line).is_none(), "{line}");
    }
    for argument in ["[\"text\"]", "5", "\"text\""] {
        let line = format!("{{\"params\":[{argument}]}}");
        let request = Request::parse(&line).unwrap();
        assert!(request.argument::<Argument>().is_err(), "{line}");
    }
    assert!(Request::parse(&"[".repeat(60_000)).is_none());
    let deep = format!(
        "{{\"id\":1,\"params\":{}{}}}",
        "[".repeat(30_000),
        "]".repeat(30_000)
    );
    let argument = Request::parse(&deep).map(|request| request.argument::<Argument>());
    assert!(argument.is_none_or(|argument| argument.is_err()));
}

#[test]
fn a_name_means_a_field_in_any_case() {
    for name in ["Key", "key", "KEY", "kEY", "\u{212A}ey"] {
        assert!(means(name, "Key"), "{name}");
    }
    for name in ["", "Ke", "Keys", "\u{1E31}ey", "K\u{E9}y"] {
        assert!(!means(name, "Key"), "{name}");
    }
    assert!(means("PARAM\u{17F}", "params"));
    assert!(!means("\u{130}d", "id"));
}

#[test]
fn each_byte_outside_utf_8_becomes_a_replacement_character() {
    assert_eq!(text(b"a\xE2\x82b"), "a\u{FFFD}\u{FFFD}b");
    assert_eq!(text("€".as_bytes()), "€");
}

#[test]
fn an_answer_is_taken_only_for_its_own_call() {
    let taken = parse_answer::<Argument>(br#"{"id":3,"result":{"Text":"a"},"error":null}"#, 3);
    assert_eq!(taken.unwrap().text, "a");
    let other = parse_answer::<Argument>(br#"{"id":2,"result":{},"error":null}"#, 3).unwrap_err();
    assert_eq!(other.to_string(), "call 3 got the answer to call 2");
    let failed = br#"{"id":3,"result":null,"error":"no \"such\" thing"}"#;
    let failed = parse_answer::<Argument>(failed, 3).unwrap_err();
    assert_eq!(failed.to_string(), "no \"such\" thing");
    assert!(parse_answer::<Argument>(b"HTTP/1.1 400 Bad Request", 3).is_err());
}
