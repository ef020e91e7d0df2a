//! What holds of every kind of frame, and what of those in `data/frames.txt`.

use std::time::Duration;

use etherparse::PacketBuilder;

use super::{Fault, Frame, LinkType, decode, named_frames, segment};
use crate::segment::{Flags, TcpOption};

/// The bytes of a frame in `data/frames.txt`.
fn frame(name: &str) -> Vec<u8> {
    let frames = named_frames(include_str!("../../data/frames.txt")).unwrap();
    let found = frames.into_iter().find(|(other, _)| *other == name);
    found.expect("it is in the file").1
}

fn whole(bytes: &[u8]) -> Frame<'_> {
    let frame = decode(LinkType::Ethernet, bytes, bytes.len());
    assert_eq!(frame.fault, None);
    frame
}

#[track_caller]
fn says(frame: &Frame, layer: &str, fields: &[(&str, &str)]) {
    let layer = frame.layer(layer).expect("it has this layer");
    for (name, value) in fields {
        let field = layer.field(name).expect("it has this field");
        assert_eq!(field.value, *value, "{name}");
    }
}

fn syn() -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ethernet2([0; 6], [0; 6])
        .ipv4([127, 0, 0, 1], [127, 0, 0, 1], 64)
        .tcp(40000, 8330, 7, 65535)
        .syn()
        .options_raw(b"\x02\x04\xff\xd7")
        .unwrap()
        .write(&mut bytes, b"early")
        .unwrap();
    bytes
}

#[test]
fn arp_as_the_course_reads_it() {
    let request = frame("arp-request");
    let request = whole(&request);
    assert_eq!(request.encapsulation(), "Ethernet 14 [ ARP 28 ] padding 18");
    let ethernet = [
        ("destination", "ff:ff:ff:ff:ff:ff"),
        ("source", "00:05:5d:61:58:a8"),
        ("type", "0x0806"),
    ];
    says(&request, "Ethernet", &ethernet);
    let arp = [
        ("hardware type", "1"),
        ("protocol type", "0x0800"),
        ("hardware length", "6"),
        ("protocol length", "4"),
        ("operation", "1"),
        ("sender hardware address", "00:05:5d:61:58:a8"),
        ("sender protocol address", "192.168.0.55"),
        ("target hardware address", "00:00:00:00:00:00"),
        ("target protocol address", "192.168.0.2"),
    ];
    says(&request, "ARP", &arp);
    let reply = frame("arp-reply");
    let arp = [
        ("operation", "2"),
        ("sender hardware address", "00:05:5d:a1:b8:40"),
        ("sender protocol address", "192.168.0.2"),
        ("target hardware address", "00:05:5d:61:58:a8"),
        ("target protocol address", "192.168.0.55"),
    ];
    says(&whole(&reply), "ARP", &arp);
}

#[test]
fn tftp_as_the_course_reads_it() {
    let request = frame("tftp-read-request");
    let request = whole(&request);
    assert_eq!(
        request.encapsulation(),
        "Ethernet 14 [ IPv4 20 [ UDP 8 [ TFTP 55 ]]]"
    );
    let ip = [
        ("version", "4"),
        ("header length", "5"),
        ("DSCP", "0"),
        ("ECN", "0"),
        ("total length", "83"),
        ("identification", "0x9325"),
        ("DF", "0"),
        ("MF", "0"),
        ("fragment offset", "0"),
        ("TTL", "128"),
        ("protocol", "17"),
        ("checksum", "0x25ec"),
        ("source", "192.168.0.55"),
        ("destination", "192.168.0.1"),
    ];
    says(&request, "IPv4", &ip);
    let udp = [
        ("source port", "1492"),
        ("destination port", "69"),
        ("length", "63"),
        ("checksum", "0xac40"),
    ];
    says(&request, "UDP", &udp);
    let tftp = request.layer("TFTP").unwrap();
    let values: Vec<&str> = tftp.fields.iter().map(|field| &field.value[..]).collect();
    let want =
        "1 \"c:\\\\qwerq.qwe\" \"netascii\" \"blksize\" \"512\" \"timeout\" \"10\" \"tsize\" \"0\"";
    assert_eq!(values.join(" "), want);
    for name in ["IPv4", "UDP"] {
        let checksum = request.layer(name).unwrap().checksum.as_ref().unwrap();
        assert!(
            checksum.is_right() && checksum.computed == checksum.stated,
            "{name}"
        );
    }
}

#[test]
fn a_row_shows_its_bytes_and_bits() {
    let request = frame("tftp-read-request");
    let text = whole(&request).to_string();
    for row in [
        "  14  45 0100....           version                  4\n",
        "  14  45 ....0101           header length            5  words of 4 bytes: 20\n",
        "  20  ...00000 00000000     fragment offset          0  in units of 8 bytes\n",
        "  22  80                    TTL                      128\n                            a router takes",
        "  40  ac 40                 checksum                 0xac40  right\n",
        "  44  63 3a 5c 71 77 65     file                     \"c:\\\\qwerq.qwe\"\n      72 71 2e 71 77 65\n      00\n",
    ] {
        assert!(text.contains(row), "no {row:?} in\n{text}");
    }
}

#[test]
fn a_syn_behind_each_kind_of_link() {
    let ethernet = syn();
    let ip = &ethernet[14..];
    let sll = [&[0; 14][..], &[8, 0], ip].concat();
    let sll2 = [&[8, 0][..], &[0; 18], ip].concat();
    for (link, bytes) in [
        (LinkType::Ethernet, &ethernet[..]),
        (LinkType::Ip, ip),
        (LinkType::Sll, &sll),
        (LinkType::Sll2, &sll2),
    ] {
        let segment = segment(link, bytes, Duration::from_secs(1))
            .unwrap()
            .unwrap();
        assert_eq!(segment.at, Duration::from_secs(1));
        assert_eq!(segment.from, "127.0.0.1:40000".parse().unwrap());
        assert_eq!(segment.to, "127.0.0.1:8330".parse().unwrap());
        assert_eq!(segment.flags, Flags::SYN);
        assert_eq!((segment.seq, segment.ack, segment.len), (7, 0, 5));
        assert_eq!(segment.options, [TcpOption::Mss(65495)]);
    }
}

#[test]
fn data_that_the_capture_did_not_keep_is_counted_and_not_summed() {
    let bytes = syn();
    let cut = &bytes[..bytes.len() - 3];
    let found = segment(LinkType::Ethernet, cut, Duration::ZERO);
    assert_eq!(found.unwrap().unwrap().len, 5);
    let frame = decode(LinkType::Ethernet, cut, bytes.len());
    assert_eq!(
        (&frame.fault, &frame.layer("TCP").unwrap().checksum),
        (&None, &None)
    );
    // Where nothing was left out of the capture, the length is a lie.
    let fault = decode(LinkType::Ethernet, cut, cut.len()).fault.unwrap();
    let want = "IPv4 total length at offset 16: it says 49 bytes, and 46 are there";
    assert_eq!(fault.to_string(), want);
}

#[test]
fn a_header_that_is_cut_is_a_fault_at_the_field_that_is_missing() {
    let bytes = syn();
    for n in 0..bytes.len() - 5 {
        let fault = segment(LinkType::Ethernet, &bytes[..n], Duration::ZERO).unwrap_err();
        assert!(fault.offset <= n, "{n}: {fault}");
    }
    let fault = |n| {
        decode(LinkType::Ethernet, &bytes[..n], bytes.len())
            .fault
            .unwrap()
    };
    let want = "Ethernet type at offset 12: cut short: it takes 2 bytes, and 1 are there (the \
                capture kept 13 of 63 bytes)";
    assert_eq!(fault(13).to_string(), want);
    assert_eq!(
        (&fault(37).field[..], fault(37).offset),
        ("TCP destination port", 36)
    );
    assert_eq!(
        (&fault(55).field[..], fault(55).offset),
        ("TCP options", 54)
    );
}

#[test]
fn a_header_that_lies_is_a_fault_at_the_field_that_does() {
    for (offset, byte, at, field) in [
        (14, 0x55, 14, "IPv4 version"),
        (14, 0x44, 14, "IPv4 header length"),
        (14, 0x4f, 34, "IPv4 options"),
        (17, 0x13, 16, "IPv4 total length"),
        (46, 0x40, 46, "TCP data offset"),
        (46, 0xf0, 54, "TCP options"),
        (55, 0x00, 55, "TCP option length"),
        (55, 0x05, 55, "TCP option length"),
    ] {
        let mut bytes = syn();
        bytes[offset] = byte;
        let Fault {
            field: found,
            offset: found_at,
            ..
        } = decode(LinkType::Ethernet, &bytes, bytes.len())
            .fault
            .unwrap();
        assert_eq!((&found[..], found_at), (field, at));
    }
}

#[test]
fn a_checksum_left_to_the_card_is_known() {
    let mut bytes = syn();
    let checksum = |bytes: &[u8]| whole(bytes).layer("TCP").unwrap().checksum.clone().unwrap();
    assert!(checksum(&bytes).is_right());
    let sum = 0x7f00 + 0x0001 + 0x7f00 + 0x0001 + 6 + 29;
    bytes[50..52].copy_from_slice(&u16::to_be_bytes(sum as u16));
    assert!(checksum(&bytes).is_left_to_the_card());
    bytes[51] ^= 1;
    assert!(!checksum(&bytes).is_left_to_the_card() && !checksum(&bytes).is_right());
}

#[test]
fn what_no_header_accounts_for_is_padding() {
    let mut bytes = frame("tftp-read-request");
    bytes.extend([0; 3]);
    assert_eq!(whole(&bytes).length("padding"), 3);
    // UDP may say that it ends before its packet does.
    bytes[39] -= 8; // without the last option
    let shorter = decode(LinkType::Ethernet, &bytes, bytes.len());
    assert!(!shorter.checksum("UDP").unwrap().is_right());
    assert_eq!(
        (shorter.length("TFTP"), shorter.length("padding")),
        (47, 11)
    );
    // An IPv6 packet without anything in it (59: no next header), in a frame that must have 60
    // bytes.
    let mut empty = [0; 60];
    empty[12..15].copy_from_slice(&[0x86, 0xdd, 0x60]);
    empty[20] = 59;
    assert_eq!(
        whole(&empty).encapsulation(),
        "Ethernet 14 [ IPv6 40 ] padding 6"
    );
    let ip = decode(LinkType::Ip, &empty[14..], 46);
    assert!(!ip.to_string().contains("Ethernet"));
}

#[test]
fn a_length_of_zero_is_for_the_card_to_fill_in() {
    let mut bytes = syn();
    bytes[16..18].fill(0);
    let found = segment(LinkType::Ethernet, &bytes, Duration::ZERO).unwrap();
    assert_eq!(found.unwrap().len, 5);
}
