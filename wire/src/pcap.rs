//! Capture files in the pcap format, for Wireshark and from it: a header of 24 bytes, and 16 bytes
//! in front of each packet. The format is pcap-file's to read and to write.

mod read;
mod writer;

pub use read::{Packet, Packets};
pub use writer::{SNAPLEN, Writer};
