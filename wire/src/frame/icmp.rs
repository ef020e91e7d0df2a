//! ICMP (RFC 792) and ICMPv6 (RFC 4443): what IP itself has to say. They belong to the network
//! layer.

use super::{
    Fault,
    checksum::{Checksum, pseudo_header},
    layer::{Layer, Place, fits, layer, means, says},
    walk::{Next, Packet, Rest},
};

const ICMP: [Place; 4] = [
    ("type", 0..1, 0),
    ("code", 1..2, 0),
    ("checksum", 2..4, 0),
    ("rest of header", 4..8, 0),
];

pub(super) fn v4(rest: Rest, packet: Packet) -> Result<(Layer, Next), Fault> {
    let name = |kind| match kind {
        0 => "echo reply",
        3 => "destination unreachable",
        8 => "echo request",
        11 => "time exceeded: the TTL has come to 0",
        _ => "",
    };
    message(rest, packet, "ICMP", &[], name)
}

pub(super) fn v6(rest: Rest, packet: Packet) -> Result<(Layer, Next), Fault> {
    let name = |kind| match kind {
        1 => "destination unreachable",
        3 => "time exceeded: the hop limit has come to 0",
        128 => "echo request",
        129 => "echo reply",
        133 => "router solicitation",
        134 => "router advertisement",
        135 => "neighbor solicitation: ARP's question, for IPv6",
        136 => "neighbor advertisement: its answer",
        _ => "",
    };
    let length = rest.left().len() + packet.missing;
    let pseudo = pseudo_header(packet.from, packet.to, 58, length);
    message(rest, packet, "ICMPv6", &pseudo, name)
}

fn message(
    rest: Rest,
    packet: Packet,
    protocol: &'static str,
    pseudo: &[u8],
    name: fn(u8) -> &'static str,
) -> Result<(Layer, Next), Fault> {
    let bytes = rest.left();
    fits(protocol, rest.at, &ICMP, bytes)?;
    let checksum = (packet.missing == 0).then(|| Checksum::of(pseudo, bytes, 2));
    let verdict = Checksum::verdict_of(checksum.as_ref());
    let stated = u16::from_be_bytes([bytes[2], bytes[3]]);
    let rest_of_header = u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let cells = [
        means(bytes[0], name(bytes[0])),
        says(bytes[1]),
        means(format!("{stated:#06x}"), verdict),
        means(
            format!("{rest_of_header:#010x}"),
            "of an echo: its id, its number",
        ),
    ];
    let mut layer = layer(3, protocol, rest.at, &ICMP, cells);
    layer.checksum = checksum;
    Ok((layer, Next::Data(3)))
}
