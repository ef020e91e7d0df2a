//! The link layer: Ethernet with its VLAN tags, Linux's cooked headers, and ARP (RFC 826).

use std::net::Ipv4Addr;

use etherparse::{ArpPacketSlice, EtherType, Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::{
    Fault, LinkType,
    layer::{Cell, Layer, Place, count, empty, fits, layer, means, says},
    walk::{Next, Rest},
};

const LINK: u8 = 2;

const ETHERNET: [Place; 3] = [
    ("destination", 0..6, 0),
    ("source", 6..12, 0),
    ("type", 12..14, 0),
];

/// A frame of Ethernet. The card removes what comes before it (the preamble) and after it (the
/// checksum of the frame).
pub(super) fn ethernet(rest: Rest) -> Result<(Layer, Next), Fault> {
    fits("Ethernet", rest.at, &ETHERNET, rest.left())?;
    let header =
        Ethernet2HeaderSlice::from_slice(rest.left()).map_err(|_| rest.short("Ethernet"))?;
    let ether_type = header.ether_type();
    // What would be too small for a type is a length (IEEE 802.3).
    let (kind, next) = match ether_type.0 {
        length @ ..1536 => (
            means(length, "a length: IEEE 802.3, not Ethernet II"),
            Next::Data(LINK),
        ),
        _ => (ether_type_cell(ether_type), Next::EtherType(ether_type)),
    };
    let cells = [mac(&header.destination()), mac(&header.source()), kind];
    Ok((layer(LINK, "Ethernet", rest.at, &ETHERNET, cells), next))
}

const VLAN: [Place; 4] = [
    ("priority", 0..1, 0xe0),
    ("drop eligible", 0..1, 0x10),
    ("VLAN", 0..2, 0x0fff),
    ("type", 2..4, 0),
];

/// A tag of IEEE 802.1Q: which of the networks that share a wire the frame belongs to.
pub(super) fn vlan(rest: Rest) -> Result<(Layer, Next), Fault> {
    fits("VLAN", rest.at, &VLAN, rest.left())?;
    let tag = SingleVlanHeaderSlice::from_slice(rest.left()).map_err(|_| rest.short("VLAN"))?;
    let cells = [
        says(tag.priority_code_point().value()),
        says(u8::from(tag.drop_eligible_indicator())),
        says(tag.vlan_identifier().value()),
        ether_type_cell(tag.ether_type()),
    ];
    let next = Next::EtherType(tag.ether_type());
    Ok((layer(LINK, "VLAN", rest.at, &VLAN, cells), next))
}

const SLL: [Place; 6] = [
    ("packet type", 0..2, 0),
    ("hardware type", 2..4, 0),
    ("address length", 4..6, 0),
    ("address", 6..12, 0),
    ("unused", 12..14, 0),
    ("protocol", 14..16, 0),
];

/// Linux's cooked header. etherparse has one that does not know loopback's hardware type, 772.
pub(super) fn sll(rest: Rest) -> Result<(Layer, Next), Fault> {
    let bytes = rest.left();
    fits("SLL", rest.at, &SLL, bytes)?;
    let protocol = EtherType(number(&bytes[14..16]));
    let cells = [
        packet_type(number(&bytes[..2])),
        hardware(number(&bytes[2..4])),
        says(number(&bytes[4..6])),
        mac(&bytes[6..12]),
        says(number(&bytes[12..14])),
        ether_type_cell(protocol),
    ];
    let next = Next::EtherType(protocol);
    Ok((layer(LINK, "SLL", rest.at, &SLL, cells), next))
}

const SLL2: [Place; 8] = [
    ("protocol", 0..2, 0),
    ("reserved", 2..4, 0),
    ("interface", 4..8, 0),
    ("hardware type", 8..10, 0),
    ("packet type", 10..11, 0),
    ("address length", 11..12, 0),
    ("address", 12..18, 0),
    ("unused", 18..20, 0),
];

pub(super) fn sll2(rest: Rest) -> Result<(Layer, Next), Fault> {
    let bytes = rest.left();
    fits("SLL2", rest.at, &SLL2, bytes)?;
    let protocol = EtherType(number(&bytes[..2]));
    let interface = u32::from(number(&bytes[4..6])) << 16 | u32::from(number(&bytes[6..8]));
    let cells = [
        ether_type_cell(protocol),
        says(number(&bytes[2..4])),
        means(interface, "the interface's index"),
        hardware(number(&bytes[8..10])),
        packet_type(bytes[10].into()),
        says(bytes[11]),
        mac(&bytes[12..18]),
        says(number(&bytes[18..20])),
    ];
    let next = Next::EtherType(protocol);
    Ok((layer(LINK, "SLL2", rest.at, &SLL2, cells), next))
}

const ARP: [Place; 5] = [
    ("hardware type", 0..2, 0),
    ("protocol type", 2..4, 0),
    ("hardware length", 4..5, 0),
    ("protocol length", 5..6, 0),
    ("operation", 6..8, 0),
];

/// Who has this IP address? It belongs to the link layer, though it stands where an IP header would
/// (RFC 1122 section 2.3.2).
pub(super) fn arp(rest: Rest) -> Result<(Layer, Next), Fault> {
    let bytes = rest.left();
    fits("ARP", rest.at, &ARP, bytes)?;
    let (hardware_length, protocol_length) = (usize::from(bytes[4]), usize::from(bytes[5]));
    let names = [
        ("sender hardware address", hardware_length),
        ("sender protocol address", protocol_length),
        ("target hardware address", hardware_length),
        ("target protocol address", protocol_length),
    ];
    // The lengths are its own to say, so its addresses have no fixed place.
    let mut end = 8;
    for (name, length) in names {
        fits("ARP", rest.at, &[(name, end..end + length, 0)], bytes)?;
        end += length;
    }
    let packet = ArpPacketSlice::from_slice(bytes).map_err(|_| rest.short("ARP"))?;
    let operation = match packet.operation().0 {
        1 => "request",
        2 => "reply",
        _ => "",
    };
    let cells = [
        hardware(packet.hw_addr_type().0),
        ether_type_cell(packet.proto_addr_type()),
        means(hardware_length, "bytes of an address"),
        means(protocol_length, "bytes of an address"),
        means(packet.operation().0, operation),
    ];
    let mut layer = layer(LINK, "ARP", rest.at, &ARP, cells);
    let addresses = [
        packet.sender_hw_addr(),
        packet.sender_protocol_addr(),
        packet.target_hw_addr(),
        packet.target_protocol_addr(),
    ];
    for ((name, length), address) in names.into_iter().zip(addresses) {
        let cell = match *address {
            [0, 0, 0, 0, 0, 0] => means("00:00:00:00:00:00", "not known: what is asked for"),
            [a, b, c, d] => says(Ipv4Addr::new(a, b, c, d)),
            _ => mac(address),
        };
        layer.push(name, length, cell);
    }
    Ok((layer, Next::End))
}

/// What is in the frame after everything that its headers account for.
pub(super) fn padding(rest: Rest, link: LinkType) -> Layer {
    let left = rest.left().len();
    let mut layer = empty(LINK, "padding", rest.at);
    let why = match link {
        LinkType::Ethernet if rest.bytes.len() <= 60 => {
            "an Ethernet header is followed by 46 bytes or more"
        }
        _ => "no header accounts for these",
    };
    layer.push("padding", left, means(count(left), why));
    layer
}

fn number(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |n, byte| n << 8 | u16::from(*byte))
}

fn mac(bytes: &[u8]) -> Cell {
    let text: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let meaning = match bytes {
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => "broadcast: for everyone on the link",
        [0, 0, 0, 0, 0, 0] => "none: loopback has no cards",
        [first, ..] if first & 1 == 1 => "multicast",
        _ => "",
    };
    means(text.join(":"), meaning)
}

fn hardware(number: u16) -> Cell {
    let name = match number {
        1 => "Ethernet",
        772 => "loopback",
        65534 => "none",
        _ => "",
    };
    means(number, name)
}

fn packet_type(number: u16) -> Cell {
    let names = [
        "to us",
        "broadcast",
        "multicast",
        "to someone else",
        "from us",
    ];
    means(number, *names.get(usize::from(number)).unwrap_or(&""))
}

fn ether_type_cell(ether_type: EtherType) -> Cell {
    let name = match ether_type {
        EtherType::IPV4 => "IPv4",
        EtherType::IPV6 => "IPv6",
        EtherType::ARP => "ARP",
        EtherType::VLAN_TAGGED_FRAME | EtherType::PROVIDER_BRIDGING => "a VLAN tag",
        _ => "",
    };
    means(format!("{:#06x}", ether_type.0), name)
}
