//! What is on the wire: frames decoded layer by layer, captured on loopback, and drawn.
//!
//! | module | what it is |
//! |---|---|
//! | [`segment`] | a TCP segment as it passed: what `tcpdump` shows of it |
//! | [`frame`] | bytes, decoded field by field, layer under layer |
//! | [`pcap`] | capture files, for Wireshark and from it |
//! | [`namespace`] | a network of our own, where a capture needs no privilege |
//! | [`conversation`] | the segments of one connection, and the states of its ends beside them |
//! | [`capture`] | the segments of a conversation as they pass, and the states of its ends |
//! | [`router`] | a way between two ends on loopback, on which each segment waits until it is
//! handed on |
//! | [`diagram`] | a conversation as a sequence diagram (SVG) |

pub mod capture;
pub mod conversation;
pub mod diagram;
pub mod frame;
pub mod pcap;
pub mod router;
pub mod segment;

pub use socket_workshop::namespace;
