//! Writing, for Wireshark.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    time::Duration,
};

use pcap_file::{
    DataLink, Endianness, PcapError, TsResolution,
    pcap::{PcapHeader, PcapPacket, PcapWriter},
};
use socket_workshop::fault::Attempt;

/// What is kept of a frame, in bytes: tcpdump's default. No frame on loopback is longer, unless
/// somebody has raised its `gso_max_size`.
pub const SNAPLEN: usize = 262_144;

/// A capture file that is being written: Ethernet frames, with nanoseconds.
#[derive(Debug)]
pub struct Writer<W: Write>(PcapWriter<W>);

impl Writer<File> {
    /// A new file at this path, in the place of one that is there.
    ///
    /// # Errors
    /// It cannot be created or written.
    pub fn create(path: &Path) -> io::Result<Writer<File>> {
        // `other`: that a file may not be written is nothing that advice about sockets helps.
        let file = File::create(path).map_err(io::Error::other);
        let writer = file.and_then(Writer::new);
        writer.attempt(|| format!("cannot write the capture file `{}`", path.display()))
    }
}

impl<W: Write> Writer<W> {
    /// Writes the file's header.
    ///
    /// # Errors
    /// As for `W`.
    pub fn new(to: W) -> io::Result<Writer<W>> {
        let header = PcapHeader {
            snaplen: SNAPLEN as u32,
            datalink: DataLink::ETHERNET,
            ts_resolution: TsResolution::NanoSecond,
            endianness: Endianness::native(),
            ..PcapHeader::default()
        };
        PcapWriter::with_header(to, header)
            .map(Writer)
            .map_err(cause)
    }

    /// Writes a frame that passed at this time since the Unix epoch and was so long, of which
    /// `bytes` is what was kept. It is in the file on return: it can be read while it grows.
    ///
    /// # Errors
    /// As for `W`; more than [`SNAPLEN`] bytes; a time after the year 2106.
    pub fn frame(&mut self, time: Duration, length: usize, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(length).map_err(io::Error::other)?;
        let packet = PcapPacket::new(time, length, bytes);
        self.0.write_packet(&packet).map(drop).map_err(cause)
    }
}

fn cause(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::{SNAPLEN, Writer};
    use crate::{frame::LinkType, pcap::Packets};
    use std::time::Duration;

    #[test]
    fn what_is_written_is_read_again_to_the_nanosecond() {
        let mut file = Vec::new();
        let mut writer = Writer::new(&mut file).unwrap();
        let began = Duration::from_secs(1_800_000_000);
        writer.frame(began, 3, b"one").unwrap();
        let later = Duration::from_nanos(1);
        writer
            .frame(began + later, 300_000, &vec![7; SNAPLEN])
            .unwrap();
        let packets = Packets::new(&file[..]).unwrap();
        assert_eq!(packets.link(), LinkType::Ethernet);
        let read: Vec<_> = packets.map(Result::unwrap).collect();
        assert_eq!(read[0].bytes, b"one");
        assert_eq!((read[1].at, read[1].wire_length), (later, 300_000));
        assert_eq!(read[1].bytes.len(), SNAPLEN);
    }

    #[test]
    fn more_than_the_header_promises_is_refused() {
        let mut writer = Writer::new(Vec::new()).unwrap();
        let frame = vec![0; SNAPLEN + 1];
        assert!(writer.frame(Duration::ZERO, frame.len(), &frame).is_err());
    }
}
