//! Capture files (pcap): a header of 24 bytes, and 16 bytes in front of each frame. Wireshark and tcpdump
//! write and read them.

mod writer;

pub use writer::{SNAPLEN, Writer};
