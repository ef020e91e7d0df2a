//! What must hold for all bytes, not for a few: no bytes make a parser panic, and what one end writes
//! the other reads.

use std::time::Duration;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use socket_workshop::rpc::{Line, Request, parse_answer, read_line, write_answer, write_call};
use wire::frame::{LinkType, decode, from_hex, named_frames, segment};
use wire::pcap::Packets;

#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
struct Argument {
    text: String,
}

proptest! {
    #[test]
    fn no_bytes_make_the_codec_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut line = Vec::new();
        let mut reader = &bytes[..];
        while read_line(&mut reader, &mut line, 64).unwrap() == Line::Whole {
            try_all(&line);
        }
        try_all(&bytes);
    }

    #[test]
    fn no_text_that_looks_like_json_makes_the_codec_panic(text in r#"(\{|\}|\[|\]|"|:|,|\\|id|method|params|null|[0-9eE+.-]|\PC){0,60}"#) {
        try_all(text.as_bytes());
        try_all(format!(r#"{{"method":"m","params":[{text}],"id":{text}}}"#).as_bytes());
    }

    #[test]
    fn what_a_client_writes_a_server_reads(method in "\\PC{0,20}", text in any::<String>(), id in any::<u64>()) {
        let mut out = Vec::new();
        let argument = Argument { text };
        write_call(&mut out, &method, &argument, id);
        prop_assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 1);
        let request = Request::parse(&out[..out.len() - 1]).unwrap();
        prop_assert_eq!(request.method().unwrap(), method);
        prop_assert_eq!(request.argument::<Argument>().unwrap(), argument);
        prop_assert_eq!(request.id.map(RawValue::get).unwrap(), id.to_string());
    }
}

const LINKS: [LinkType; 4] = [
    LinkType::Ethernet,
    LinkType::Ip,
    LinkType::Sll,
    LinkType::Sll2,
];

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0..100_usize) {
        LINKS.into_iter().for_each(|link| is_decoded(link, &bytes, bytes.len() + cut));
    }

    #[test]
    fn no_frame_that_is_cut_or_lies_makes_the_decoder_panic(
        nth in any::<prop::sample::Index>(),
        lies in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        kept in any::<prop::sample::Index>(),
        cut in prop::sample::select(vec![0, 1000]),
    ) {
        let files = [include_str!("../../wire/data/frames.txt"), include_str!("../src/checks/headers/frames.txt")];
        let frames: Vec<_> = files.into_iter().flat_map(|file| named_frames(file).unwrap()).collect();
        let (_, mut bytes) = nth.get(&frames).clone();
        for (at, byte) in lies {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(kept.index(bytes.len() + 1));
        is_decoded(LinkType::Ethernet, &bytes, bytes.len() + cut);
        is_decoded(LinkType::Ip, bytes.get(14..).unwrap_or_default(), bytes.len() + cut);
    }

    #[test]
    fn no_bytes_make_a_capture_file_panic_or_endless(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let header = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0];
        let file = [&header[..], &bytes].concat();
        prop_assert!(Packets::new(&file[..]).unwrap().count() <= 1 + bytes.len() / 16);
        let _ = Packets::new(&bytes[..]);
    }

    #[test]
    fn hex_is_read_as_it_is_written(bytes in prop::collection::vec(any::<u8>(), 0..50), text in "[0-9a-fg: \n]{0,20}") {
        let written: String = bytes.iter().map(|byte| format!("{byte:02x} ")).collect();
        prop_assert_eq!(from_hex(&written), Ok(bytes));
        let _ = from_hex(&text);
    }
}

/// Whatever the bytes are: layers lie one behind the other, and cover the frame unless one is at fault,
/// which is then in the frame; fields lie in their layers; and the text can be made.
fn is_decoded(link: LinkType, bytes: &[u8], wire_length: usize) {
    let frame = decode(link, bytes, wire_length);
    let mut end = 0;
    for layer in &frame.layers {
        assert_eq!(layer.bytes.start, end);
        end = layer.bytes.end;
        for field in &layer.fields {
            assert!(
                layer.bytes.start <= field.bytes.start && field.bytes.end <= end,
                "{field:?}"
            );
        }
    }
    match &frame.fault {
        Some(fault) => assert!(end <= bytes.len() && fault.offset <= bytes.len(), "{fault}"),
        None => assert_eq!(end, bytes.len()),
    }
    let _ = (frame.to_string(), frame.encapsulation());
    if let Ok(Some(segment)) = segment(link, bytes, Duration::ZERO) {
        assert!(segment.len < 1 << 16);
    }
}

fn try_all(line: &[u8]) {
    if let Some(request) = Request::parse(line) {
        let _ = (request.method(), request.argument::<Argument>());
        write_answer(&mut Vec::new(), request.id, Err::<(), _>("no"));
    }
    let _ = parse_answer::<String>(line, 0);
}
