//! Capture files: every one ends, after no more packets than have room in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::pcap::Packets;

fuzz_target!(|file: &[u8]| {
    if let Ok(packets) = Packets::new(file) {
        assert!(packets.count() <= 1 + file.len() / 16);
    }
});
