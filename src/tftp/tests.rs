//! What the ends agree on, and what they refuse; how packets are told.

use std::{
    io::{self, ErrorKind},
    time::Duration,
};

use super::{Code, Packet, options::Agreed, packet::Options, peers_error};

fn options(pairs: &[(&str, &str)]) -> Options {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

#[test]
fn a_packet_is_told_in_a_line() {
    let request = b"\0\x01c:\\qwerq.qwe\0netascii\0blksize\x00512\0timeout\x0010\0tsize\x000\0";
    let told = |bytes: &[u8]| Packet::parse(bytes).map(|packet| packet.to_string());
    assert_eq!(
        told(request).unwrap(),
        r#"RRQ "c:\\qwerq.qwe" netascii blksize=512 timeout=10 tsize=0"#
    );
    assert_eq!(told(b"\0\x03\x01\0x").unwrap(), "DATA 256, 1 bytes");
    assert_eq!(told(b"\0\x05\0\x01none").unwrap(), r#"ERROR 1 "none""#);
    assert_eq!(told(b"\0\x06tsize\x005\0").unwrap(), "OACK tsize=5");
    assert_eq!(told(b"\0\x07\0\x01"), None);
}

#[test]
fn a_client_takes_smaller_blocks_than_it_asked_for_and_no_option_that_it_did_not_ask_for() {
    let asked = Agreed {
        block_size: 1468,
        timeout: Some(Duration::from_secs(1)),
        size: None,
    };
    let answer = options(&[("BLKSIZE", "512"), ("tsize", "10")]);
    let agreed = Agreed {
        size: Some(10),
        ..Agreed::default()
    };
    assert_eq!(asked.by(&answer).unwrap(), agreed);
    for wrong in [
        ("blksize", "1469"),
        ("blksize", "7"),
        ("timeout", "2"),
        ("windowsize", "4"),
        ("tsize", "x"),
    ] {
        let error = asked.by(&options(&[wrong])).unwrap_err();
        assert_eq!(Code::of(&error), Code::OPTIONS, "{wrong:?}");
    }
}

#[test]
fn the_number_of_an_error_becomes_its_kind_and_back() {
    for (code, kind) in [
        (Code::NOT_FOUND, ErrorKind::NotFound),
        (Code::ACCESS, ErrorKind::PermissionDenied),
        (Code::DISK_FULL, ErrorKind::StorageFull),
        (Code::EXISTS, ErrorKind::AlreadyExists),
    ] {
        let error = peers_error(code.0, "text");
        assert_eq!(error.kind(), kind);
        assert_eq!(Code::of(&io::Error::from(kind)), code);
    }
    assert_eq!(peers_error(99, "text").kind(), ErrorKind::Other);
}
