//! The transport layer: UDP (RFC 768) and TCP (RFC 9293 section 3.1).

use std::{net::SocketAddr, time::Duration};

use etherparse::{TcpHeaderSlice, UdpHeaderSlice};

use super::{
    Fault,
    application::APPLICATION,
    checksum::{Checksum, pseudo_header},
    layer::{Cell, Layer, Place, count, fits, layer, means, says},
    options::options,
    walk::{Next, Packet, Rest},
};
use crate::segment::{Flags, Segment, TcpOption};

const TRANSPORT: u8 = 4;

const UDP: [Place; 4] = [
    ("source port", 0..2, 0),
    ("destination port", 2..4, 0),
    ("length", 4..6, 0),
    ("checksum", 6..8, 0),
];

pub(super) fn udp(rest: Rest, packet: Packet) -> Result<(Layer, Next), Fault> {
    let bytes = rest.left();
    fits("UDP", rest.at, &UDP, bytes)?;
    let header = UdpHeaderSlice::from_slice(bytes).map_err(|_| rest.short("UDP"))?;
    let length = usize::from(header.length());
    if length < 8 {
        let reason = format!("it says {}, and the header alone has 8", count(length));
        return Err(Fault::new("UDP length", rest.at + 4, reason));
    }
    let rest = Rest {
        missing: packet.missing,
        ..rest
    };
    let (end, missing) = rest.end(length, "UDP length", 4)?;
    let datagram = &rest.bytes[rest.at..end];
    let pseudo = pseudo_header(packet.from, packet.to, 17, length);
    let stated = header.checksum();
    let checksum =
        (missing == 0 && stated != 0).then(|| Checksum::of(&pseudo, datagram, 6).never_zero());
    let verdict = match stated {
        0 => "none: the sender computed none".to_owned(),
        _ => Checksum::verdict_of(checksum.as_ref()),
    };
    let cells = [
        port(header.source_port()),
        port(header.destination_port()),
        means(length, "bytes, header and data"),
        means(format!("{stated:#06x}"), verdict),
    ];
    let mut layer = layer(TRANSPORT, "UDP", rest.at, &UDP, cells);
    layer.checksum = checksum;
    let next = Next::Message([header.source_port(), header.destination_port()], end);
    Ok((layer, next))
}

const TCP: [Place; 17] = [
    ("source port", 0..2, 0),
    ("destination port", 2..4, 0),
    ("sequence number", 4..8, 0),
    ("acknowledgment number", 8..12, 0),
    ("data offset", 12..13, 0xf0),
    ("reserved", 12..13, 0x0f),
    ("CWR", 13..14, 0x80),
    ("ECE", 13..14, 0x40),
    ("URG", 13..14, 0x20),
    ("ACK", 13..14, 0x10),
    ("PSH", 13..14, 0x08),
    ("RST", 13..14, 0x04),
    ("SYN", 13..14, 0x02),
    ("FIN", 13..14, 0x01),
    ("window", 14..16, 0),
    ("checksum", 16..18, 0),
    ("urgent pointer", 18..20, 0),
];

/// The header as rows, and the segment.
pub(super) fn tcp(rest: Rest, packet: Packet) -> Result<((Layer, Next), Segment), Fault> {
    let bytes = rest.left();
    fits("TCP", rest.at, &TCP, bytes)?;
    let length = usize::from(bytes[12] >> 4) * 4;
    if length < 20 {
        let reason = format!("it says {}, and a header has 20 at least", count(length));
        return Err(Fault::new("TCP data offset", rest.at + 12, reason));
    }
    fits("TCP", rest.at, &[("options", 20..length, 0)], bytes)?;
    let header = TcpHeaderSlice::from_slice(bytes).map_err(|_| rest.short("TCP"))?;
    let found = options(header.options()).map_err(|fault| Fault {
        offset: rest.at + 20 + fault.offset,
        ..fault
    })?;
    let segment = Segment {
        at: Duration::ZERO,
        from: SocketAddr::new(packet.from, header.source_port()),
        to: SocketAddr::new(packet.to, header.destination_port()),
        flags: Flags(bytes[13]),
        seq: header.sequence_number(),
        ack: header.acknowledgment_number(),
        window: header.window_size(),
        options: found.iter().map(|(_, option)| option.clone()).collect(),
        len: bytes.len() + packet.missing - length,
    };
    let pseudo = pseudo_header(packet.from, packet.to, 6, bytes.len() + packet.missing);
    let checksum = (packet.missing == 0).then(|| Checksum::of(&pseudo, bytes, 16));
    let cells = tcp_cells(&header, &segment, checksum.as_ref());
    let mut layer = layer(TRANSPORT, "TCP", rest.at, &TCP, cells);
    layer.checksum = checksum;
    let mut at = 0;
    for (range, option) in found {
        push_padding(&mut layer, range.start - at);
        let (name, cell) = option_row(&option);
        layer.push(name, range.len(), cell);
        at = range.end;
    }
    push_padding(&mut layer, length - 20 - at);
    Ok(((layer, Next::Data(APPLICATION)), segment))
}

fn tcp_cells(
    header: &TcpHeaderSlice,
    segment: &Segment,
    checksum: Option<&Checksum>,
) -> [Cell; 17] {
    let flag = |bit: u8, meaning: &str| {
        let set = segment.flags.has(Flags(bit));
        means(u8::from(set), if set { meaning } else { "" })
    };
    let acknowledged = match segment.flags.has(Flags::ACK) {
        true => means(segment.ack, "the number of the byte expected next"),
        false => means(segment.ack, "nothing: ACK is not set"),
    };
    [
        port(header.source_port()),
        port(header.destination_port()),
        means(segment.seq, "the number of its first byte, or of its SYN"),
        acknowledged,
        means(
            header.data_offset(),
            format!("words of 4 bytes: {}", header.slice().len()),
        ),
        says(header.slice()[12] & 0x0f),
        flag(0x80, "the sender has slowed down; in a SYN: ECN is offered"),
        flag(0x40, "congestion was met; in a SYN: ECN is understood"),
        flag(0x20, "the urgent pointer means something"),
        flag(0x10, "the acknowledgment number means something"),
        flag(0x08, "hand the data on to the program"),
        flag(0x04, "the connection is reset"),
        flag(0x02, "sequence numbers begin here; it takes one"),
        flag(0x01, "no more data from the sender; it takes one"),
        means(
            segment.window,
            "bytes it has room for; after the SYN times 2^scale",
        ),
        means(
            format!("{:#06x}", header.checksum()),
            Checksum::verdict_of(checksum),
        ),
        says(header.urgent_pointer()),
    ]
}

/// What is between options and after them: no operation, the end.
fn push_padding(layer: &mut Layer, length: usize) {
    if length > 0 {
        layer.push(
            "padding",
            length,
            means(count(length), "NOP or END: fills up a word of 4 bytes"),
        );
    }
}

fn option_row(option: &TcpOption) -> (&'static str, Cell) {
    match option {
        TcpOption::Mss(mss) => (
            "MSS",
            means(mss, "the most bytes of data it takes in a segment"),
        ),
        TcpOption::WindowScale(shift) => (
            "window scale",
            means(shift, "its windows count in units of 2^scale bytes"),
        ),
        TcpOption::SackPermitted => ("SACK permitted", means("", "ACKs data after a gap")),
        TcpOption::Sack(ranges) => {
            let ranges: Vec<String> = ranges
                .iter()
                .map(|(from, to)| format!("{from}..{to}"))
                .collect();
            ("SACK", means(ranges.join(" "), "have come, after a gap"))
        }
        TcpOption::Timestamps { value, echo } => (
            "timestamps",
            means(
                format!("{value}, {echo}"),
                "its own clock, and the last one seen from the peer",
            ),
        ),
        TcpOption::Other(kind, data) => {
            ("option", means(format!("kind {kind}"), count(data.len())))
        }
    }
}

fn port(number: u16) -> Cell {
    let meaning = match number {
        22 => "SSH",
        53 => "DNS",
        69 => "TFTP",
        80 => "HTTP",
        443 => "HTTPS",
        ..1024 => "well-known",
        32768..61000 => "ephemeral: a client's",
        _ => "",
    };
    means(number, meaning)
}
