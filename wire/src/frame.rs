//! Bytes, decoded: a captured frame as the segment it carries.
//!
//! Nothing here reads or writes anything: it is given bytes, and none of them make it panic.

mod options;
mod segment;

use std::{error::Error, fmt};

pub use options::options;
pub use segment::segment;

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
