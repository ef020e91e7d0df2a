//! The network layer: IPv4 (RFC 791), IPv6 (RFC 8200) and its extension headers.

use std::net::IpAddr;

use etherparse::{
    IpNumber, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice,
};

use super::{
    Fault,
    checksum::Checksum,
    layer::{Cell, Layer, Place, count, fits, layer, means, says},
    walk::{Next, Packet, Rest},
};

const NETWORK: u8 = 3;

const IPV4: [Place; 15] = [
    ("version", 0..1, 0xf0),
    ("header length", 0..1, 0x0f),
    ("DSCP", 1..2, 0xfc),
    ("ECN", 1..2, 0x03),
    ("total length", 2..4, 0),
    ("identification", 4..6, 0),
    ("reserved", 6..7, 0x80),
    ("DF", 6..7, 0x40),
    ("MF", 6..7, 0x20),
    ("fragment offset", 6..8, 0x1fff),
    ("TTL", 8..9, 0),
    ("protocol", 9..10, 0),
    ("checksum", 10..12, 0),
    ("source", 12..16, 0),
    ("destination", 16..20, 0),
];

pub(super) fn v4(rest: Rest) -> Result<(Layer, Next), Fault> {
    let bytes = rest.left();
    is_version(rest, "IPv4", 4)?;
    fits("IPv4", rest.at, &IPV4, bytes)?;
    let length = usize::from(bytes[0] & 0x0f) * 4;
    let fault = |name: &str, offset, reason| {
        Err(Fault::new(format!("IPv4 {name}"), rest.at + offset, reason))
    };
    if length < 20 {
        let reason = format!("it says {}, and a header has 20 at least", count(length));
        return fault("header length", 0, reason);
    }
    fits("IPv4", rest.at, &[("options", 20..length, 0)], bytes)?;
    let header = Ipv4HeaderSlice::from_slice(bytes).map_err(|_| rest.short("IPv4"))?;
    let total = usize::from(header.total_len());
    // Zero: larger than any packet, to be cut by the card, which also fills in the length.
    let (end, missing) = match total {
        0 => (rest.bytes.len(), 0),
        _ => rest.end(total, "IPv4 total length", 2)?,
    };
    if total != 0 && total < length {
        let reason = format!(
            "it says {}, and the header alone has {length}",
            count(total)
        );
        return fault("total length", 2, reason);
    }
    let checksum = Checksum::of(&[], header.slice(), 10);
    let mut layer = layer(
        NETWORK,
        "IPv4",
        rest.at,
        &IPV4,
        v4_cells(&header, &checksum),
    );
    layer.checksum = Some(checksum);
    if length > 20 {
        let cell = says(count(length - 20));
        layer.push("options", length - 20, cell);
    }
    let packet = Packet {
        from: header.source_addr().into(),
        to: header.destination_addr().into(),
        end,
        missing,
    };
    let next = match header.is_fragmenting_payload() {
        true => Next::Fragment(packet),
        false => Next::InIp(header.protocol(), packet),
    };
    Ok((layer, next))
}

fn v4_cells(header: &Ipv4HeaderSlice, checksum: &Checksum) -> [Cell; 15] {
    let total = match header.total_len() {
        0 => means(0, "left to the card"),
        total => means(total, "bytes, header and data"),
    };
    let flag = |set: bool, yes, no| means(u8::from(set), if set { yes } else { no });
    [
        says(header.version()),
        means(
            header.ihl(),
            format!("words of 4 bytes: {}", header.slice().len()),
        ),
        means(
            header.dcp().value(),
            "class of service; with ECN, once called TOS",
        ),
        means(header.ecn().value(), congestion(header.ecn().value())),
        total,
        means(
            format!("{:#06x}", header.identification()),
            "the same in all fragments of a packet",
        ),
        says(header.slice()[6] >> 7),
        flag(
            header.dont_fragment(),
            "must not be fragmented",
            "may be fragmented",
        ),
        flag(
            header.more_fragments(),
            "more fragments follow",
            "no fragment follows",
        ),
        means(header.fragments_offset().value(), "in units of 8 bytes"),
        means(
            header.ttl(),
            "a router takes 1 off; at 0 it drops the packet",
        ),
        protocol(header.protocol()),
        means(
            format!("{:#06x}", header.header_checksum()),
            format!("{}; it covers the header only", checksum.verdict()),
        ),
        address(header.source_addr().into()),
        address(header.destination_addr().into()),
    ]
}

const IPV6: [Place; 8] = [
    ("version", 0..1, 0xf0),
    ("traffic class", 0..2, 0x0ff0),
    ("flow label", 1..4, 0x0f_ffff),
    ("payload length", 4..6, 0),
    ("next header", 6..7, 0),
    ("hop limit", 7..8, 0),
    ("source", 8..24, 0),
    ("destination", 24..40, 0),
];

pub(super) fn v6(rest: Rest) -> Result<(Layer, Next), Fault> {
    let bytes = rest.left();
    is_version(rest, "IPv6", 6)?;
    fits("IPv6", rest.at, &IPV6, bytes)?;
    let header = Ipv6HeaderSlice::from_slice(bytes).map_err(|_| rest.short("IPv6"))?;
    // As in IPv4; but a packet may also have nothing after its header.
    let next = header.next_header();
    let carries = [IpNumber::TCP, IpNumber::IPV6_HEADER_HOP_BY_HOP].contains(&next);
    let is_for_the_card = header.payload_length() == 0 && carries;
    let cells = [
        says(header.version()),
        says(header.traffic_class()),
        means(
            format!("{:#07x}", header.flow_label().value()),
            "the same for a connection",
        ),
        match is_for_the_card {
            true => means(0, "left to the card"),
            false => means(header.payload_length(), "bytes after this header"),
        },
        protocol(header.next_header()),
        means(
            header.hop_limit(),
            "a router takes 1 off; at 0 it drops the packet",
        ),
        address(header.source_addr().into()),
        address(header.destination_addr().into()),
    ];
    let (end, missing) = match usize::from(header.payload_length()) {
        0 if is_for_the_card => (rest.bytes.len(), 0),
        length => rest.end(40 + length, "IPv6 payload length", 4)?,
    };
    let packet = Packet {
        from: header.source_addr().into(),
        to: header.destination_addr().into(),
        end,
        missing,
    };
    let next = Next::InIp(header.next_header(), packet);
    Ok((layer(NETWORK, "IPv6", rest.at, &IPV6, cells), next))
}

const EXTENSION: [Place; 3] = [
    ("next header", 0..1, 0),
    ("length", 1..2, 0),
    ("options", 2..8, 0),
];

/// An extension header: hop-by-hop options, destination options, a route.
pub(super) fn extension(rest: Rest, packet: Packet) -> Result<(Layer, Next), Fault> {
    let bytes = rest.left();
    fits("IPv6 extension", rest.at, &EXTENSION, bytes)?;
    let length = (usize::from(bytes[1]) + 1) * 8;
    fits(
        "IPv6 extension",
        rest.at,
        &[("options", 2..length, 0)],
        bytes,
    )?;
    let header =
        Ipv6RawExtHeaderSlice::from_slice(bytes).map_err(|_| rest.short("IPv6 extension"))?;
    let places: [Place; 3] = {
        let [next, stated, _] = EXTENSION;
        [next, stated, ("options", 2..length, 0)]
    };
    let cells = [
        protocol(header.next_header()),
        means(
            bytes[1],
            format!("units of 8 bytes after the first: {length} in all"),
        ),
        says(count(length - 2)),
    ];
    let next = Next::InIp(header.next_header(), packet);
    Ok((
        layer(NETWORK, "IPv6 extension", rest.at, &places, cells),
        next,
    ))
}

const FRAGMENT: [Place; 6] = [
    ("next header", 0..1, 0),
    ("reserved", 1..2, 0),
    ("fragment offset", 2..4, 0xfff8),
    ("reserved", 3..4, 0x06),
    ("M", 3..4, 0x01),
    ("identification", 4..8, 0),
];

pub(super) fn fragment(rest: Rest, packet: Packet) -> Result<(Layer, Next), Fault> {
    let bytes = rest.left();
    fits("IPv6 fragment", rest.at, &FRAGMENT, bytes)?;
    let header =
        Ipv6FragmentHeaderSlice::from_slice(bytes).map_err(|_| rest.short("IPv6 fragment"))?;
    let cells = [
        protocol(header.next_header()),
        says(bytes[1]),
        means(header.fragment_offset().value(), "in units of 8 bytes"),
        says(bytes[3] >> 1 & 3),
        means(
            u8::from(header.more_fragments()),
            "1: more fragments follow",
        ),
        says(format!("{:#010x}", header.identification())),
    ];
    let next = match header.is_fragmenting_payload() {
        true => Next::Fragment(packet),
        false => Next::InIp(header.next_header(), packet),
    };
    Ok((
        layer(NETWORK, "IPv6 fragment", rest.at, &FRAGMENT, cells),
        next,
    ))
}

fn is_version(rest: Rest, header: &str, wanted: u8) -> Result<(), Fault> {
    let found = rest.left().first().map(|byte| byte >> 4);
    let reason = match found {
        None => "cut short: it takes 1 byte, and 0 are there".to_owned(),
        Some(found) if found != wanted => format!("it says {found}, and must say {wanted}"),
        Some(_) => return Ok(()),
    };
    Err(Fault::new(format!("{header} version"), rest.at, reason))
}

fn protocol(number: IpNumber) -> Cell {
    means(number.0, number.keyword_str().unwrap_or_default())
}

fn address(addr: IpAddr) -> Cell {
    let meaning = if addr.is_loopback() {
        "loopback"
    } else if addr.is_multicast() {
        "multicast"
    } else {
        ""
    };
    means(addr, meaning)
}

/// The codepoints of ECN (RFC 3168, 5).
fn congestion(ecn: u8) -> &'static str {
    match ecn {
        0 => "congestion notification: not used",
        3 => "there was congestion on the way",
        _ => "on congestion it is marked, not dropped",
    }
}
