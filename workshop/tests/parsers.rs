//! What must hold for all bytes, not for a few: no bytes make a parser panic, and what one end
//! writes the other reads.

use std::{
    io::{Read, Write},
    time::Duration,
};

use proptest::prelude::*;
use serde::Serialize;
use serde_json::value::RawValue;
use socket_workshop::{
    rpc::{
        Line, Request,
        object::{self, FromObject},
        parse_answer, read_line, write_answer, write_call,
    },
    tftp::{
        Packet, netascii,
        options::{Agreed, Size},
    },
};
use wire::{
    frame::{LinkType, decode, from_hex, named_frames, segment},
    pcap::Packets,
};

#[derive(Debug, Default, PartialEq, Serialize)]
struct Argument {
    text: String,
}

impl FromObject<'_> for Argument {
    fn take(&mut self, name: &str, value: &RawValue) -> Result<(), String> {
        if object::means(name, "text") {
            self.text = object::string(value)?.unwrap_or_default().into_owned();
        }
        Ok(())
    }
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
        let request = Request::parse(str::from_utf8(&out).unwrap()).unwrap();
        prop_assert_eq!(request.method().unwrap(), method);
        prop_assert_eq!(request.argument::<Argument>().unwrap(), argument);
        prop_assert_eq!(request.id.map(RawValue::get).unwrap(), id.to_string());
    }

    #[test]
    fn no_bytes_make_the_packets_of_tftp_panic(bytes in datagram()) {
        if let Some(packet) = Packet::parse(&bytes) {
            let again = packet.to_bytes();
            prop_assert_eq!(Packet::parse(&again), Some(packet.clone()));
            // Every byte is accounted for: only an ERROR's text may be damaged, or go on behind its
            // NUL.
            let is_error = bytes[..2] == [0, 5];
            prop_assert!(is_error || again == bytes);
        }
    }

    #[test]
    fn what_one_end_of_tftp_writes_the_other_reads(
        number in any::<u16>(),
        (file, mode) in (string(), string()),
        options in prop::collection::vec((string(), string()), 0..4),
        block in prop::collection::vec(any::<u8>(), 0..600),
        write in any::<bool>(),
    ) {
        let (code, text) = (number, mode.clone());
        for packet in [
            Packet::Request { write, file, mode, options: options.clone() },
            Packet::Data { block: number, bytes: &block },
            Packet::Ack(number),
            Packet::Error { code, text },
            Packet::OptionAck(options),
        ] {
            let bytes = packet.to_bytes();
            prop_assert_eq!(Packet::parse(&bytes), Some(packet));
        }
    }

    /// What is asked for in any words is answered by something that the client has asked for.
    #[test]
    fn what_the_server_agrees_to_the_client_has_asked_for(
        block_size in 8..=65_464_u16,
        seconds in prop::option::of(1..=255_u64),
        size in prop::option::of(1..u64::MAX),
        length in prop::option::of(any::<u64>()),
        more in prop::collection::vec((string(), "[0-9]{0,3}"), 0..3),
    ) {
        let timeout = seconds.map(Duration::from_secs);
        let asked = Agreed { block_size, timeout, size };
        let mut options = asked.asked();
        options.extend(more);
        let known = match size {
            Some(_) => Size::Announced,
            None => length.map_or(Size::Unknown, Size::Known),
        };
        let (agreed, answer) = Agreed::to(&options, known, Duration::from_secs(255));
        let understood = asked.by(&answer).unwrap();
        prop_assert_eq!(understood, agreed);
        prop_assert_eq!((agreed.block_size, agreed.timeout), (block_size, timeout));
    }

    #[test]
    fn netascii_is_read_as_it_was_written_in_whatever_pieces(
        text in prop::collection::vec(prop::sample::select(&b"a\r\n\0b"[..]), 0..200),
        (read, written) in (1..9_usize, 1..9_usize),
    ) {
        let mut encoded = netascii::Encoded::new(&text[..]);
        let (mut wire, mut buf) = (Vec::new(), vec![0; read]);
        while let n @ 1.. = encoded.read(&mut buf).unwrap() {
            wire.extend_from_slice(&buf[..n]);
        }
        prop_assert!(wire.windows(2).all(|pair| pair[0] != b'\r' || matches!(pair[1], b'\n' | 0)));
        let mut decoded = netascii::Decoded::new(Vec::new());
        wire.chunks(written).for_each(|piece| decoded.write_all(piece).unwrap());
        prop_assert_eq!(decoded.finish().unwrap(), text);
    }
}

/// Bytes that look like packets more often than chance would have them.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let rest = prop::collection::vec(prop_oneof![Just(0), any::<u8>(), 0x61..=0x7a_u8], 0..60);
    (0..8_u8, rest, 0..3_usize).prop_map(|(opcode, rest, cut)| {
        let mut bytes = vec![0, opcode];
        bytes.extend(rest);
        bytes.truncate(bytes.len().saturating_sub(cut));
        bytes
    })
}

/// A string as it can stand in a packet of TFTP: without a NUL.
fn string() -> impl Strategy<Value = String> {
    "[^\\x00]{0,12}"
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
        let files = [include_str!("../../wire/data/frames.txt"), include_str!("../exercises/headers/frames.txt")];
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

/// Whatever the bytes are: layers lie one behind the other, and cover the frame unless one is at
/// fault, which is then in the frame; fields lie in their layers; and the text can be made.
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
    if let Some(request) = Request::parse(&object::text(line)) {
        let _ = (request.method(), request.argument::<Argument>());
        write_answer(&mut Vec::new(), request.id, Err::<(), _>("no"));
    }
    let _ = parse_answer::<Argument>(line, 0);
}
