//! The packets of a file, one after the other.

use std::{
    fs::File,
    io::{self, BufReader, Cursor, ErrorKind, Read},
    path::Path,
    time::Duration,
};

use pcap_file::{DataLink, PcapError, TsResolution, pcap::PcapReader};

use socket_workshop::fault::Attempt;

use crate::frame::LinkType;

/// The packets of a capture file, in their order; an iterator that ends at the first error.
#[derive(Debug)]
pub struct Packets<R: Read> {
    reader: PcapReader<io::Chain<Cursor<[u8; 4]>, R>>,
    link: LinkType,
    /// When the first packet passed, since 1970.
    first: Option<Duration>,
    failed: bool,
}

/// A packet as it was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When it passed, since the first of its file; zero if the clock was set back meanwhile.
    pub at: Duration,
    /// How many bytes it had.
    pub wire_length: usize,
    /// Those of them that were kept.
    pub bytes: Vec<u8>,
}

impl Packets<BufReader<File>> {
    /// Opens a capture file.
    ///
    /// # Errors
    /// It cannot be opened; or as for [`Packets::new`].
    pub fn open(path: &Path) -> io::Result<Packets<BufReader<File>>> {
        // `other`: that a file may not be read is nothing that advice about sockets helps.
        let file = File::open(path).map_err(io::Error::other);
        let packets = file.and_then(|file| Packets::new(BufReader::new(file)));
        packets.attempt(|| format!("cannot read `{}`", path.display()))
    }
}

impl<R: Read> Packets<R> {
    /// Reads a file's header.
    ///
    /// # Errors
    /// It is not a pcap file, or has a link type other than Ethernet, raw IP or Linux's cooked ones
    /// (`InvalidData`); or it cannot be read.
    pub fn new(mut file: R) -> io::Result<Packets<R>> {
        let mut magic = [0; 4];
        file.read_exact(&mut magic)
            .map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => {
                    invalid("no pcap file: it has not even the four bytes that say so")
                }
                _ => error,
            })?;
        if magic == [0x0a, 0x0d, 0x0d, 0x0a] {
            return Err(invalid(
                "a pcapng file; `editcap -F pcap` makes a pcap file of it",
            ));
        }
        let reader = PcapReader::new(Cursor::new(magic).chain(file));
        let reader = reader.map_err(|error| because("no pcap file", error))?;
        let link = match reader.header().datalink {
            DataLink::ETHERNET => LinkType::Ethernet,
            // 12 is what some systems write for it (LINKTYPE_RAW's entry at tcpdump.org).
            DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 | DataLink::Unknown(12) => LinkType::Ip,
            DataLink::LINUX_SLL => LinkType::Sll,
            DataLink::LINUX_SLL2 => LinkType::Sll2,
            other => {
                let number = u32::from(other);
                return Err(invalid(format!(
                    "link type {number} is not one that is decoded here"
                )));
            }
        };
        Ok(Packets {
            reader,
            link,
            first: None,
            failed: false,
        })
    }

    /// What its packets begin with.
    #[must_use]
    pub fn link(&self) -> LinkType {
        self.link
    }
}

impl<R: Read> Iterator for Packets<R> {
    type Item = io::Result<Packet>;

    fn next(&mut self) -> Option<io::Result<Packet>> {
        if self.failed {
            return None;
        }
        let nanoseconds = match self.reader.header().ts_resolution {
            TsResolution::MicroSecond => 1000,
            TsResolution::NanoSecond => 1,
        };
        // Not `next_packet`: it refuses what is longer than the snaplen, so every packet that
        // `tcpdump -s` has cut.
        let raw = match self.reader.next_raw_packet()? {
            Ok(raw) => raw,
            Err(error) => {
                self.failed = true;
                return Some(Err(because(
                    "the file ends in the middle, or is damaged",
                    error,
                )));
            }
        };
        let time = Duration::from_secs(raw.ts_sec.into())
            + Duration::from_nanos(u64::from(raw.ts_frac) * nanoseconds);
        let first = *self.first.get_or_insert(time);
        Some(Ok(Packet {
            at: time.saturating_sub(first),
            wire_length: raw.orig_len as usize,
            bytes: raw.data.into_owned(),
        }))
    }
}

fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.into())
}

fn because(what: &str, error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) if error.kind() != ErrorKind::UnexpectedEof => error,
        error => invalid(format!("{what}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Packets;
    use crate::frame::LinkType;

    /// A file of two packets, the second of which is cut.
    fn file() -> Vec<u8> {
        let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        file.extend([3, 0, 0, 0, 113, 0, 0, 0]);
        file.extend([10, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, b'a', b'b']);
        file.extend([
            11, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 99, 0, 0, 0, b'c', b'd', b'e',
        ]);
        file
    }

    #[test]
    fn reads_packets_and_when_they_passed() {
        let file = file();
        let packets = Packets::new(&file[..]).unwrap();
        assert_eq!(packets.link(), LinkType::Sll);
        let packets: Vec<_> = packets.map(Result::unwrap).collect();
        assert_eq!(
            (&packets[0].bytes[..], packets[0].at),
            (&b"ab"[..], Duration::ZERO)
        );
        assert_eq!(
            (&packets[1].bytes[..], packets[1].wire_length),
            (&b"cde"[..], 99)
        );
        assert_eq!(packets[1].at, Duration::from_micros(999_999));
    }

    #[test]
    fn every_cut_of_a_file_ends_with_one_error_or_between_packets() {
        let file = file();
        for n in 0..file.len() {
            let Ok(packets) = Packets::new(&file[..n]) else {
                assert!(n < 24);
                continue;
            };
            let errors = packets.filter(Result::is_err).count();
            assert_eq!(errors, usize::from(![24, 42].contains(&n)), "{n}");
        }
    }

    #[test]
    fn what_is_no_pcap_file_is_told() {
        let no = |bytes: &[u8]| Packets::new(bytes).unwrap_err().to_string();
        assert!(no(b"#!/bin/sh and some more text").starts_with("no pcap file"));
        assert!(no(b"\x0a\x0d\x0d\x0a").contains("editcap"));
        let mut file = file();
        file[20] = 105;
        assert!(no(&file).contains("105"));
    }
}
