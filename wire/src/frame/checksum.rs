//! The Internet checksum (RFC 1071), step by step, and what a header says it is.

use std::{fmt, net::IpAddr};

/// A checksum, recomputed, beside the one that the header has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// How many bytes it covers in front of the header: the pseudo-header's, or none.
    pub pseudo: usize,
    /// How many bytes of the frame it covers.
    pub covered: usize,
    /// The sum of the 16-bit words, that of the checksum taken for zero.
    pub sum: u64,
    /// The sum with its carries added in: 16 bits.
    pub folded: u16,
    /// The checksum that follows: the complement. UDP says 0xffff for 0, which means "none" there.
    pub computed: u16,
    /// The checksum in the header.
    pub stated: u16,
    /// The sum of the pseudo-header alone, folded.
    pseudo_sum: u16,
}

impl Checksum {
    /// Of bytes in which the checksum stands at `at`, after a pseudo-header.
    pub(super) fn of(pseudo: &[u8], bytes: &[u8], at: usize) -> Checksum {
        let stated = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let front = sum(pseudo);
        let sum = front + sum(bytes) - u64::from(stated);
        let folded = fold(sum);
        Checksum {
            pseudo: pseudo.len(),
            covered: bytes.len(),
            sum,
            folded,
            computed: !folded,
            stated,
            pseudo_sum: fold(front),
        }
    }

    /// As UDP has it: a checksum of zero goes as 0xffff (RFC 768).
    pub(super) fn never_zero(mut self) -> Checksum {
        if self.computed == 0 {
            self.computed = 0xffff;
        }
        self
    }

    /// Whether the header is right: the sum over everything, itself included, is 0xffff, which is
    /// one of the two zeros of ones' complement.
    #[must_use]
    pub fn is_right(&self) -> bool {
        fold(u64::from(self.folded) + u64::from(self.stated)) == 0xffff
    }

    /// Whether the sender left the rest to its card: the kernel has put in the sum of the
    /// pseudo-header, and loopback has no card (Linux: CHECKSUM_PARTIAL).
    #[must_use]
    pub fn is_left_to_the_card(&self) -> bool {
        self.pseudo > 0 && self.stated == self.pseudo_sum && !self.is_right()
    }

    /// For the row of its field; without one there was something missing to compute it over.
    pub(super) fn verdict_of(checksum: Option<&Checksum>) -> String {
        checksum.map_or_else(
            || "not checked: the capture did not keep all that it covers".to_owned(),
            Checksum::verdict,
        )
    }

    /// For the row of its field.
    pub(super) fn verdict(&self) -> String {
        if self.is_right() {
            "right".to_owned()
        } else if self.is_left_to_the_card() {
            format!(
                "left to the card, which would put in {:#06x}",
                self.computed
            )
        } else {
            format!("WRONG: it should be {:#06x}", self.computed)
        }
    }
}

/// The computation, beside what the header says.
impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Checksum {
            covered,
            sum,
            folded,
            computed,
            stated,
            ..
        } = self;
        match self.pseudo {
            0 => write!(f, "{covered} bytes")?,
            pseudo => write!(f, "{pseudo} bytes of pseudo-header and {covered}")?,
        }
        write!(f, ": sum {sum:#x}, carries added {folded:#06x}, ")?;
        write!(
            f,
            "bits flipped {computed:#06x}; in the header {stated:#06x}"
        )
    }
}

/// What TCP and UDP sum as well, and what is in no header of theirs: the addresses, the protocol,
/// and the length (RFC 9293 section 3.1, RFC 8200 section 8.1).
pub(super) fn pseudo_header(from: IpAddr, to: IpAddr, protocol: u8, length: usize) -> Vec<u8> {
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let [_, _, high, low] = length;
            [&from.octets()[..], &to.octets(), &[0, protocol, high, low]].concat()
        }
        _ => {
            let octets = |addr| match addr {
                IpAddr::V4(addr) => addr.to_ipv6_mapped().octets(),
                IpAddr::V6(addr) => addr.octets(),
            };
            let rest = [0, 0, 0, protocol];
            [&octets(from)[..], &octets(to), &length, &rest].concat()
        }
    }
}

/// The sum of the 16-bit words; to an odd length a zero is added.
fn sum(bytes: &[u8]) -> u64 {
    let words = bytes.chunks(2);
    words
        .map(|word| u64::from(word[0]) << 8 | u64::from(*word.get(1).unwrap_or(&0)))
        .sum()
}

/// Adds what has been carried out of 16 bits to the 16 bits, until nothing is.
fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::{fold, sum};

    #[test]
    fn the_example_of_rfc_1071() {
        let bytes = [0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!((sum(&bytes), fold(sum(&bytes))), (0x2_ddf0, 0xddf2));
    }

    #[test]
    fn as_etherparse_sums() {
        let bytes: Vec<u8> = (0..=255).cycle().take(65_535).collect();
        for n in [0, 1, 2, 255, 1500, 65_535] {
            let theirs = etherparse::checksum::Sum16BitWords::new().add_slice(&bytes[..n]);
            assert_eq!(
                !fold(sum(&bytes[..n])),
                theirs.ones_complement().to_be(),
                "{n}"
            );
        }
    }
}
