//! A TCP segment as it passed: what `tcpdump` and Wireshark show of it in a line.

use std::{fmt, net::SocketAddr, ops::BitOr, time::Duration};

use socket_workshop::stage::PassedSegment;

/// One segment, as a capture saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// When it passed, since the first of its capture.
    pub at: Duration,
    /// Who sent it.
    pub from: SocketAddr,
    /// For whom it is.
    pub to: SocketAddr,
    /// Its control bits.
    pub flags: Flags,
    /// The number of its SYN or else of its first byte, as it stands in the header.
    pub seq: u32,
    /// The number of the byte that is expected next, as it stands in the header: it means something
    /// only where [`Flags::ACK`] is set.
    pub ack: u32,
    /// The window, in bytes, as it stands in the header: not scaled.
    pub window: u16,
    /// Its options, in their order, without padding.
    pub options: Vec<TcpOption>,
    /// How many bytes of data it carries.
    pub len: usize,
}

/// The control bits of a segment (RFC 9293 section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Flags = Flags(0x01);
    /// Synchronises sequence numbers.
    pub const SYN: Flags = Flags(0x02);
    /// Resets the connection.
    pub const RST: Flags = Flags(0x04);
    /// Asks that what has come be handed on.
    pub const PSH: Flags = Flags(0x08);
    /// The acknowledgment number means something.
    pub const ACK: Flags = Flags(0x10);
    /// The urgent pointer means something.
    pub const URG: Flags = Flags(0x20);

    /// Whether all of these bits are set.
    #[must_use]
    pub const fn has(self, bits: Flags) -> bool {
        self.0 & bits.0 == bits.0
    }
}

/// Both: `Flags::SYN | Flags::ACK`.
impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// As Wireshark prints them: `SYN, ACK`.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
        let names = (0..8).zip(NAMES).filter(|(bit, _)| self.0 >> bit & 1 == 1);
        let names: Vec<&str> = names.map(|(_, name)| name).collect();
        f.write_str(&names.join(", "))
    }
}

/// An option of a TCP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpOption {
    /// How many bytes of data its sender takes in a segment (RFC 9293 section 3.7.1). In a SYN
    /// only.
    Mss(u16),
    /// By how many bits windows are shifted (RFC 7323 section 2). In a SYN only.
    WindowScale(u8),
    /// Its sender understands SACK (RFC 2018). In a SYN only.
    SackPermitted,
    /// Ranges that have arrived after a gap, each from its first byte to the one after its last.
    Sack(Vec<(u32, u32)>),
    /// The sender's clock, and what it last saw of the peer's (RFC 7323 section 3).
    Timestamps {
        /// The sender's clock.
        value: u32,
        /// What it last saw of the peer's.
        echo: u32,
    },
    /// Another, by its kind, with its data.
    Other(u8, Vec<u8>),
}

impl Segment {
    /// As an event of a story, with what Wireshark would say of it.
    #[must_use]
    pub fn passed(&self, info: String) -> PassedSegment {
        PassedSegment {
            from: self.from,
            to: self.to,
            flags: self.flags.to_string(),
            length: self.len,
            info,
        }
    }

    /// How many sequence numbers it takes: a SYN and a FIN take one each (RFC 9293 section 3.4).
    #[must_use]
    pub fn sequence_length(&self) -> u32 {
        let one = |bit| u32::from(self.flags.has(bit));
        let data = u32::try_from(self.len).unwrap_or(u32::MAX);
        data.wrapping_add(one(Flags::SYN) + one(Flags::FIN))
    }
}

#[cfg(test)]
mod tests {
    use super::Flags;

    #[test]
    fn flags_read_as_in_wireshark() {
        let flags = Flags::SYN | Flags::ACK;
        assert_eq!(flags.to_string(), "SYN, ACK");
        assert!(flags.has(Flags::ACK) && !flags.has(Flags::RST));
    }
}
