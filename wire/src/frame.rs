//! Bytes, decoded field by field, layer under layer.
//!
//! [`decode`] says of each header which bytes are which field, what they say and what that means;
//! [`segment`] is the same walk for a program, that wants the TCP segment and no text. etherparse
//! reads the headers that it knows; where a field stands, and what is at fault where one does not
//! fit, is told here.
//!
//! Nothing here reads or writes anything: it is given bytes, and none of them make it panic.

mod application;
mod checksum;
mod hex;
mod icmp;
mod ip;
mod layer;
mod link;
mod options;
mod text;
mod transport;
mod walk;

use std::{error::Error, fmt, time::Duration};

pub use checksum::Checksum;
pub use hex::{from_hex, named_frames};
pub use layer::{Field, Layer};
pub use options::options;

use crate::segment::Segment;

/// What a captured frame begins with (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// An Ethernet header: of a card, or of Linux's loopback, where the addresses are zero.
    Ethernet,
    /// Nothing in front of the IP header: of a tunnel.
    Ip,
    /// Linux's cooked header, 16 bytes, where several interfaces were captured at once.
    Sll,
    /// Its second version, 20 bytes: what `tcpdump -i any` writes.
    Sll2,
}

/// A frame, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its bytes, as far as they were captured.
    pub bytes: &'a [u8],
    /// Its headers from the outermost, then its data, then its padding; none after a fault.
    pub layers: Vec<Layer>,
    /// Where decoding had to stop.
    pub fault: Option<Fault>,
}

/// Decodes a frame that had `wire_length` bytes, of which `bytes` were captured.
#[must_use]
pub fn decode(link: LinkType, bytes: &[u8], wire_length: usize) -> Frame<'_> {
    let (walk, fault) = walk::walk(link, bytes, wire_length);
    Frame {
        bytes,
        layers: walk.layers,
        fault,
    }
}

/// The segment in a frame that passed `at` this time; `None` if there is none in it, or only a
/// fragment.
///
/// The frame may be cut after the TCP header (`tcpdump -s 96`): how much data the segment carries
/// is taken from the IP header.
///
/// # Errors
/// A header is cut short, or lies about its length.
pub fn segment(link: LinkType, bytes: &[u8], at: Duration) -> Result<Option<Segment>, Fault> {
    let (walk, fault) = walk::walk(link, bytes, usize::MAX);
    match fault {
        Some(fault) => Err(fault),
        None => Ok(walk.segment.map(|segment| Segment { at, ..segment })),
    }
}

impl Frame<'_> {
    /// The first layer of this name.
    #[must_use]
    pub fn layer(&self, name: &str) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.name == name)
    }

    /// How many bytes the first layer of this name takes; 0 if there is none.
    #[must_use]
    pub fn length(&self, name: &str) -> usize {
        self.layer(name).map_or(0, |layer| layer.bytes.len())
    }

    /// The checksum of the first layer of this name, where it has one and all that it covers is
    /// there.
    #[must_use]
    pub fn checksum(&self, name: &str) -> Option<&Checksum> {
        self.layer(name)?.checksum.as_ref()
    }

    /// Whether that checksum is there, and right.
    #[must_use]
    pub fn is_right(&self, name: &str) -> bool {
        self.checksum(name).is_some_and(Checksum::is_right)
    }
}

/// A header that is cut short, or that says of itself what cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which field of which header.
    pub field: String,
    /// Where it begins in the frame, in bytes: at most the length of the frame.
    pub offset: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl Fault {
    fn new(field: impl Into<String>, offset: usize, reason: impl Into<String>) -> Fault {
        Fault {
            field: field.into(),
            offset,
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault {
            field,
            offset,
            reason,
        } = self;
        write!(f, "{field} at offset {offset}: {reason}")
    }
}

impl Error for Fault {}

#[cfg(test)]
mod tests;
