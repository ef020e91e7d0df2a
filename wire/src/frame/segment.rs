//! A captured frame as the TCP segment that it carries.

use std::{net::SocketAddr, time::Duration};

use etherparse::{
    EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice, err::packet::SliceError,
};

use super::{Fault, LinkType, options};
use crate::segment::{Flags, Segment};

/// The segment in a frame that passed `at` this time; `None` if there is none in it, or only a fragment.
///
/// The frame may be cut behind the TCP header (`tcpdump -s 96`): how much data the segment carries is
/// taken from the IP header.
///
/// # Errors
/// A header in front of the data is cut short, or lies about its length.
pub fn segment(link: LinkType, bytes: &[u8], at: Duration) -> Result<Option<Segment>, Fault> {
    let (start, packet) = packet(link, bytes)?;
    let Some(TransportSlice::Tcp(tcp)) = &packet.transport else {
        return match packet.stop_err {
            Some((error, _)) => Err(stopped(start, &error)),
            None => Ok(None),
        };
    };
    let (from, to, carried) = match &packet.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            let total = usize::from(header.total_len());
            let headers =
                header.slice().len() + ip.extensions().auth.map_or(0, |auth| auth.slice().len());
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                total.checked_sub(headers),
            )
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            let total = usize::from(header.payload_length());
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                total.checked_sub(ip.extensions().slice().len()),
            )
        }
        _ => return Ok(None),
    };
    // A length of zero is for the card to fill in, as for a segment larger than any packet.
    let carried = carried
        .filter(|carried| *carried > 0)
        .unwrap_or(tcp.slice().len());
    let begin = tcp.slice().as_ptr().addr() - bytes.as_ptr().addr();
    let found = options(tcp.options()).map_err(|fault| Fault {
        offset: begin + 20 + fault.offset,
        ..fault
    })?;
    Ok(Some(Segment {
        at,
        from: SocketAddr::new(from, tcp.source_port()),
        to: SocketAddr::new(to, tcp.destination_port()),
        flags: Flags(tcp.header_slice()[13]),
        seq: tcp.sequence_number(),
        ack: tcp.acknowledgment_number(),
        window: tcp.window_size(),
        options: found.into_iter().map(|(_, option)| option).collect(),
        len: carried.saturating_sub(tcp.header_slice().len()),
    }))
}

/// The packet behind the link's header, and where it begins.
fn packet(link: LinkType, bytes: &[u8]) -> Result<(usize, LaxSlicedPacket<'_>), Fault> {
    let (start, ether_type) = match link {
        LinkType::Ethernet => (14, bytes.get(12..14)),
        LinkType::Sll => (16, bytes.get(14..16)),
        LinkType::Sll2 => (20, bytes.get(..2)),
        LinkType::Ip => {
            let ether_type: &[u8] = match bytes.first() {
                Some(0x60..=0x6f) => &[0x86, 0xdd],
                _ => &[8, 0],
            };
            (0, Some(ether_type))
        }
    };
    match (ether_type, bytes.get(start..)) {
        (Some(&[high, low]), Some(rest)) => {
            let ether_type = EtherType(u16::from_be_bytes([high, low]));
            Ok((start, LaxSlicedPacket::from_ether_type(ether_type, rest)))
        }
        _ => Err(Fault::new(
            "the link's header",
            bytes.len(),
            format!("it takes {start} bytes"),
        )),
    }
}

fn stopped(start: usize, error: &SliceError) -> Fault {
    let (layer, offset) = match error {
        SliceError::Len(error) => (error.layer.to_string(), error.layer_start_offset),
        _ => ("a header".to_owned(), 0),
    };
    Fault::new(layer, start + offset, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use etherparse::PacketBuilder;

    use super::segment;
    use crate::{
        frame::LinkType,
        segment::{Flags, TcpOption},
    };

    fn syn() -> Vec<u8> {
        let mut bytes = Vec::new();
        PacketBuilder::ethernet2([0; 6], [0; 6])
            .ipv4([127, 0, 0, 1], [127, 0, 0, 1], 64)
            .tcp(40000, 8330, 7, 65535)
            .syn()
            .options_raw(b"\x02\x04\xff\xd7")
            .unwrap()
            .write(&mut bytes, b"early")
            .unwrap();
        bytes
    }

    #[test]
    fn a_syn_behind_each_kind_of_link() {
        let ethernet = syn();
        let ip = &ethernet[14..];
        let sll = [&[0; 14][..], &[8, 0], ip].concat();
        let sll2 = [&[8, 0][..], &[0; 18], ip].concat();
        for (link, bytes) in [
            (LinkType::Ethernet, &ethernet[..]),
            (LinkType::Ip, ip),
            (LinkType::Sll, &sll),
            (LinkType::Sll2, &sll2),
        ] {
            let segment = segment(link, bytes, Duration::ZERO).unwrap().unwrap();
            assert_eq!(segment.from, "127.0.0.1:40000".parse().unwrap());
            assert_eq!(segment.to, "127.0.0.1:8330".parse().unwrap());
            assert_eq!(segment.flags, Flags::SYN);
            assert_eq!((segment.seq, segment.ack, segment.len), (7, 0, 5));
            assert_eq!(segment.options, [TcpOption::Mss(65495)]);
        }
    }

    #[test]
    fn data_that_the_capture_did_not_keep_is_counted() {
        let bytes = syn();
        let cut = &bytes[..bytes.len() - 5];
        let segment = segment(LinkType::Ethernet, cut, Duration::ZERO);
        assert_eq!(segment.unwrap().unwrap().len, 5);
    }

    #[test]
    fn a_header_that_is_cut_is_a_fault() {
        let bytes = syn();
        for n in 0..bytes.len() - 5 {
            let fault = segment(LinkType::Ethernet, &bytes[..n], Duration::ZERO).unwrap_err();
            assert!(fault.offset <= n, "{n}: {fault}");
        }
    }
}
