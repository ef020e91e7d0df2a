//! The decoder beside tshark: many kinds of segments, written to a capture file, read by both.

#[path = "../../tests/common/mod.rs"]
mod common;

use std::{env, fs, path::Path, process::Command, time::Duration};

use etherparse::{Ipv4Header, Ipv6FlowLabel, Ipv6Header, PacketBuilder, VlanId};
use pcap_file::{
    DataLink,
    pcap::{PcapHeader, PcapPacket, PcapWriter},
};
use wire::{
    frame::{Frame, LinkType, decode, segment},
    pcap::Packets,
    segment::{Segment, TcpOption},
};

/// What tshark is asked for, of every packet, in this order.
const FIELDS: [&str; 17] = [
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.flags",
    "tcp.window_size_value",
    "tcp.len",
    "tcp.option_kind",
    "tcp.options.mss_val",
    "tcp.options.wscale.shift",
    "tcp.options.timestamp.tsval",
    "tcp.options.timestamp.tsecr",
    "tcp.options.sack_le",
    "tcp.options.sack_re",
    "tcp.checksum.status",
    "ip.checksum.status",
    "udp.checksum.status",
];

/// Numbers that look random, and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % below
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.next(all.len() as u64) as usize]
    }
}

const OPTIONS: [&[u8]; 9] = [
    b"",
    b"\x02\x04\x05\xb4\x04\x02\x08\x0a\x01\x02\x03\x04\0\0\0\0\x01\x03\x03\x07",
    b"\x01\x01\x08\x0a\xff\xff\xff\xfe\x80\0\0\x01",
    b"\x01\x01\x05\x0a\x0d\xb4\xd0\x66\x0d\xb4\xd6\x0e",
    b"\x01\x01\x08\x0a\0\0\0\x07\0\0\0\x08\x01\x01\x05\x12\0\0\0\x01\0\0\0\x02\xff\xff\xff\xf0\0\0\0\x0f",
    b"\x03\x03\x0e\x00",
    b"\xfe\x04\xca\xfe",
    b"\x22\x0a\x01\x02\x03\x04\x05\x06\x07\x08\x01\x01",
    b"\x02\x04\x00\x00",
];

/// A packet of IP, with a TCP segment or a datagram of UDP in it.
fn packet(numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = Vec::new();
    let data = vec![b'x'; numbers.one_of(&[0, 0, 1, 6, 7, 100, 1400])];
    // Ports that no protocol has, so that tshark looks at nothing above.
    let ports = [numbers.next(1000), numbers.next(1000)].map(|n| 50_000 + n as u16);
    let builder = if numbers.next(2) == 0 {
        let mut header = Ipv4Header {
            source: [10, 0, 0, numbers.next(256) as u8],
            destination: [192, 168, 255, 254],
            time_to_live: 64,
            ..Ipv4Header::default()
        };
        if numbers.next(4) == 0 {
            header.options = [0x94, 4, 0, 0].into(); // router alert
        }
        PacketBuilder::ip(etherparse::IpHeaders::Ipv4(header, Default::default()))
    } else {
        let header = Ipv6Header {
            flow_label: Ipv6FlowLabel::try_new(numbers.next(1 << 20) as u32).unwrap(),
            hop_limit: 1,
            source: [0xfe; 16],
            destination: [numbers.next(256) as u8; 16],
            ..Ipv6Header::default()
        };
        PacketBuilder::ip(etherparse::IpHeaders::Ipv6(header, Default::default()))
    };
    if numbers.next(8) == 0 {
        builder
            .udp(ports[0], ports[1])
            .write(&mut bytes, &data)
            .unwrap();
        return bytes;
    }
    let mut header = etherparse::TcpHeader::new(
        ports[0],
        ports[1],
        numbers.next(1 << 31) as u32 * 2 + 1,
        numbers.next(65_536) as u16,
    );
    header.acknowledgment_number = numbers.next(1 << 31) as u32 * 2;
    [header.syn, header.ack, header.fin, header.rst] = [(); 4].map(|()| numbers.next(3) == 0);
    [header.psh, header.ece, header.cwr, header.urg] = [(); 4].map(|()| numbers.next(3) == 0);
    header.set_options_raw(numbers.one_of(&OPTIONS)).unwrap();
    builder.tcp_header(header).write(&mut bytes, &data).unwrap();
    bytes
}

/// The packet behind a header of the link's.
fn framed(link: LinkType, packet: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let ether_type: [u8; 2] = if packet[0] >> 4 == 4 {
        [8, 0]
    } else {
        [0x86, 0xdd]
    };
    let front = match link {
        LinkType::Ip => Vec::new(),
        LinkType::Sll => [&[0, 0, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0][..], &ether_type].concat(),
        LinkType::Sll2 => [&ether_type[..], &[0, 0, 0, 0, 0, 1, 3, 4, 0, 6], &[0; 8]].concat(),
        LinkType::Ethernet if numbers.next(3) == 0 => {
            let vlan = VlanId::try_new(numbers.next(4095) as u16)
                .unwrap()
                .value()
                .to_be_bytes();
            [&[0; 12][..], &[0x81, 0], &vlan, &ether_type].concat()
        }
        LinkType::Ethernet => [&[0; 12][..], &ether_type].concat(),
    };
    let mut frame = [&front, packet].concat();
    if link == LinkType::Ethernet && frame.len() < 60 {
        frame.resize(60, 0);
    }
    frame
}

/// 300 packets in a file: some with a bit flipped that a checksum covers, some that were cut.
fn write(file: &Path, link: LinkType, number: u32) {
    let numbers = &mut Numbers(u64::from(number));
    let header = PcapHeader {
        datalink: DataLink::from(number),
        ..PcapHeader::default()
    };
    let mut writer = PcapWriter::with_header(fs::File::create(file).unwrap(), header).unwrap();
    for at in 0..300 {
        let mut packet = packet(numbers);
        if numbers.next(4) == 0 {
            let header = if packet[0] >> 4 == 6 {
                40
            } else {
                usize::from(packet[0] & 15) * 4
            };
            let place = numbers.one_of(&[8, header + 1]); // the TTL or an address; a port
            packet[place] ^= 0x10;
        }
        let frame = framed(link, &packet, numbers);
        let kept = frame.len()
            - if numbers.next(8) == 0 {
                4.min(frame.len() - 120.min(frame.len()))
            } else {
                0
            };
        let packet = PcapPacket::new(
            Duration::from_millis(at),
            frame.len() as u32,
            &frame[..kept],
        );
        writer.write_packet(&packet).unwrap();
    }
}

/// What tshark says of each packet: `FIELDS`, in columns.
fn tshark(file: &Path) -> Vec<Vec<String>> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file).args(["-n", "-T", "fields"]);
    for preference in [
        "tcp.relative_sequence_numbers:FALSE",
        "tcp.check_checksum:TRUE",
        "ip.check_checksum:TRUE",
        "udp.check_checksum:TRUE",
    ] {
        command.args(["-o", preference]);
    }
    FIELDS.iter().for_each(|field| {
        command.args(["-e", field]);
    });
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

/// The same columns, as we see it. NOP and END are no options to us: tshark's are left out of its
/// own.
fn ours(segment: Option<&Segment>, frame: &Frame) -> Vec<String> {
    let status = |layer| match frame.checksum(layer) {
        Some(checksum) => u8::from(checksum.is_right()).to_string(),
        None if frame.layer(layer).is_some() => "2".to_owned(), // unverified
        None => String::new(),
    };
    let checksums = ["TCP", "IPv4", "UDP"].map(status);
    let Some(segment) = segment else {
        return [vec![String::new(); 14], checksums.to_vec()].concat();
    };
    let mut columns = vec![Vec::new(); 7];
    for option in &segment.options {
        let mut says = |column: usize, value: &u32| columns[column].push(value.to_string());
        match option {
            TcpOption::Mss(mss) => {
                says(0, &2);
                says(1, &(*mss).into());
            }
            TcpOption::WindowScale(shift) => {
                says(0, &3);
                says(2, &(*shift).into());
            }
            TcpOption::SackPermitted => says(0, &4),
            TcpOption::Timestamps { value, echo } => {
                says(0, &8);
                says(3, value);
                says(4, echo);
            }
            TcpOption::Sack(ranges) => {
                says(0, &5);
                for (left, right) in ranges {
                    says(5, left);
                    says(6, right);
                }
            }
            TcpOption::Other(kind, _) => says(0, &(*kind).into()),
        }
    }
    let mut row = vec![
        segment.from.port().to_string(),
        segment.to.port().to_string(),
        segment.seq.to_string(),
        segment.ack.to_string(),
        format!("{:#06x}", segment.flags.0),
        segment.window.to_string(),
        segment.len.to_string(),
    ];
    row.extend(columns.into_iter().map(|column| column.join(",")));
    row.extend(checksums);
    row
}

#[test]
fn every_segment_is_read_as_tshark_reads_it() {
    if !common::installed("tshark") {
        return;
    }
    let links = [
        (LinkType::Ethernet, 1),
        (LinkType::Ip, 101),
        (LinkType::Sll, 113),
        (LinkType::Sll2, 276),
    ];
    for (link, number) in links {
        let file = env::temp_dir().join(format!("tshark-{}-{number}.pcap", std::process::id()));
        write(&file, link, number);
        let packets = Packets::open(&file).unwrap();
        assert_eq!(packets.link(), link);
        let packets: Vec<_> = packets.map(Result::unwrap).collect();
        let theirs = tshark(&file);
        assert_eq!((packets.len(), theirs.len()), (300, 300));
        let mut verdicts = [0; 3];
        for (at, (packet, mut theirs)) in packets.iter().zip(theirs).enumerate() {
            let frame = decode(link, &packet.bytes, packet.wire_length);
            let segment = segment(link, &packet.bytes, packet.at).unwrap();
            let kinds = theirs[7]
                .split(',')
                .filter(|kind| !["0", "1"].contains(kind));
            theirs[7] = kinds.collect::<Vec<_>>().join(",");
            let ours = ours(segment.as_ref(), &frame);
            assert_eq!(ours, theirs, "packet {at} of {link:?}\n{frame}");
            if let Ok(verdict) = ours[14].parse::<usize>() {
                verdicts[verdict] += 1;
            }
        }
        assert!(
            verdicts.iter().all(|count| *count > 0),
            "wrong, right, not checked: {verdicts:?}"
        );
        fs::remove_file(file).unwrap();
    }
}
