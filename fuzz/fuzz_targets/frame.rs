//! Frames: the first byte chooses the link, the second how much the capture left out.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use wire::frame::{LinkType, decode, segment};

const LINKS: [LinkType; 4] = [
    LinkType::Ethernet,
    LinkType::Ip,
    LinkType::Sll,
    LinkType::Sll2,
];

fuzz_target!(|input: &[u8]| {
    let &[link, cut, ref bytes @ ..] = input else {
        return;
    };
    let link = LINKS[usize::from(link) % LINKS.len()];
    let frame = decode(link, bytes, bytes.len() + usize::from(cut));
    let end = frame.layers.last().map_or(0, |layer| layer.bytes.end);
    match &frame.fault {
        Some(fault) => assert!(fault.offset <= bytes.len() && end <= bytes.len()),
        None => assert_eq!(end, bytes.len()),
    }
    let _ = (frame.to_string(), frame.encapsulation());
    let _ = segment(link, bytes, Duration::ZERO);
});
