//! TFTP, the trivial file transfer protocol (RFC 1350), with the options that real clients ask for:
//! blksize (RFC 2348), timeout and tsize (RFC 2349), agreed on as RFC 2347 has it.
//!
//! [`packet`] is the codec, [`options`] what the two ends agree on, [`netascii`] the text of other
//! systems: none of them does I/O. `transfer` is both ends of a transfer, from
//! the request to the last block, over a [`Line`]; and how the line's packets
//! are sent, and sent again, is what lesson `tftp` is about. A [`Port`] receives requests.
//! [`program`] makes a program of it, and [`by_hand`] a client of whom each packet is told.

pub mod by_hand;
mod line;
pub mod netascii;
pub mod options;
pub mod packet;
mod places;
mod port;
pub mod program;
mod transfer;

use std::{
    error::Error,
    fmt,
    io::{self, ErrorKind},
};

use self::options::NotAsked;
pub use self::{
    line::{IsAnswer, Line, Rule},
    packet::Packet,
    port::Port,
    transfer::{Files, get, put},
};

/// The number of bytes in every block but the last, unless both ends agree
/// on another (RFC 1350, 2).
pub const BLOCK_SIZE: u16 = 512;

/// The most bytes of a block that both ends can agree on (RFC 2348).
pub const LARGEST_BLOCK: u16 = 65_464;

/// No packet is longer: four bytes of header in front of the largest block.
pub const LARGEST_PACKET: usize = LARGEST_BLOCK as usize + 4;

/// What an ERROR packet says, in numbers (RFC 1350, appendix I; 8 is RFC 2347's).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u16);

impl Code {
    /// See the text.
    pub const NOT_DEFINED: Code = Code(0);
    /// There is no such file.
    pub const NOT_FOUND: Code = Code(1);
    /// The file is not to be had, or its name leads out of the folder.
    pub const ACCESS: Code = Code(2);
    /// The disk is full.
    pub const DISK_FULL: Code = Code(3);
    /// No packet that makes sense here.
    pub const ILLEGAL: Code = Code(4);
    /// A packet for a transfer that is not its sender's.
    pub const UNKNOWN_TID: Code = Code(5);
    /// The file is there already.
    pub const EXISTS: Code = Code(6);
    /// There is no such user (for mode `mail`, which is no longer used).
    pub const NO_USER: Code = Code(7);
    /// The options are not what was asked for.
    pub const OPTIONS: Code = Code(8);

    /// What to send the peer about an error of ours.
    #[must_use]
    pub fn of(error: &io::Error) -> Code {
        if error.get_ref().is_some_and(|inner| inner.is::<NotAsked>()) {
            return Code::OPTIONS;
        }
        match error.kind() {
            ErrorKind::NotFound => Code::NOT_FOUND,
            ErrorKind::PermissionDenied | ErrorKind::InvalidInput => Code::ACCESS,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Code::DISK_FULL,
            ErrorKind::Unsupported | ErrorKind::InvalidData => Code::ILLEGAL,
            ErrorKind::AlreadyExists => Code::EXISTS,
            _ => Code::NOT_DEFINED,
        }
    }

    fn kind(self) -> ErrorKind {
        match self {
            Code::NOT_FOUND => ErrorKind::NotFound,
            Code::ACCESS => ErrorKind::PermissionDenied,
            Code::DISK_FULL => ErrorKind::StorageFull,
            Code::EXISTS => ErrorKind::AlreadyExists,
            _ => ErrorKind::Other,
        }
    }
}

/// An ERROR packet that the peer has sent. It is not to be answered.
#[derive(Debug)]
struct Told {
    code: u16,
    text: String,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the peer says {:?} (error {})", self.text, self.code)
    }
}

impl Error for Told {}

/// The error that an ERROR packet of the peer's becomes. Its kind is `NotFound`,
/// `PermissionDenied`, `StorageFull` or `AlreadyExists` where the code says so, and else `Other`.
#[must_use]
pub fn peers_error(code: u16, text: &str) -> io::Error {
    let text = text.to_owned();
    io::Error::new(Code(code).kind(), Told { code, text })
}

fn is_peers(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Told>())
}

#[cfg(test)]
mod tests;
