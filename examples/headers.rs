//! tcpdump prints a line for each frame, and you need to know what it read. A frame has a header
//! for each layer, one inside the other. This lesson decodes them field by field.
//!
//!     cargo run --example headers
//!     cargo run --example headers -- FILE.pcap --first 3
//!     echo ffffffffffff 00055d6158a8 0806 0001 08 | cargo run --example headers -- -
//!
//! You will see five frames: each field's offset, bytes, bits and meaning, and the checksums
//! recomputed. The other commands show the frames of a capture (`tcpdump -w FILE.pcap` makes one),
//! and a frame in hex that is cut: the error names the field.
//!
//! New here: the headers before a program's data. No network needed.

use std::{io, process::ExitCode};

use bpaf::{Parser, construct, positional};
use socket_workshop::command::{self, arguments::option_or};
use socket_workshop::{fault::Attempt, say, stage::Steps, stage::tell};
use wire::frame::{Frame, LinkType, decode, from_hex, named_frames};
use wire::pcap::Packets;

const LAYERS: &str = "\
Of the seven layers four have a header here: 2 link, 3 network, 4 transport and
7 application. Layer 1, physical, is the signals on the cable. Layers 5 and 6,
session and presentation, are left to the program. Each layer takes the data
that the layer above gives it, and puts its header before it.";

/// What the program is told.
struct Arguments {
    source: Option<Source>,
    steps: Steps,
}

/// What to show instead of the lesson's own five frames.
struct Source {
    name: String,
    first: usize,
}

fn main() -> ExitCode {
    command::run(|Arguments { source, mut steps }| match source {
        None => five_frames(&mut steps),
        Some(source) if source.name == "-" => from_stdin(&mut steps),
        Some(source) => packets(&source.name, source.first, &mut steps),
    })
}

fn five_frames(steps: &mut Steps) -> io::Result<()> {
    say!("{LAYERS}")?;
    let frames = named_frames(include_str!("../wire/data/frames.txt"));
    for (number, (name, bytes)) in (1..).zip(frames.map_err(io::Error::other)?) {
        show(&format!("{number}. {name}"), &decoded(&bytes), steps)?;
        match name {
            "arp-request" => claim(
                "An Ethernet header is followed by 46 to 1500 bytes (the MTU). ARP has 28, plus 18 \
                 of padding.",
                decoded(&bytes).length("ARP") + decoded(&bytes).length("padding") == 46,
            )?,
            "tftp-read-request" => {
                claim(
                    "Layer by layer: 2 Ethernet, 3 IPv4, 4 UDP, 7 TFTP.",
                    decoded(&bytes).headers() == ["Ethernet", "IPv4", "UDP", "TFTP"],
                )?;
                from_header_to_header(&bytes)?;
                checksums(&bytes)?;
            }
            "tcp-syn" => claim(
                "A TCP header of 40 bytes, half of it options. A 4-bit field counts its words: 15 \
                 at most, 60 bytes.",
                decoded(&bytes).length("TCP") == 40,
            )?,
            _ => {}
        }
        steps.wait()?;
    }
    steps.end()
}

fn decoded(bytes: &[u8]) -> Frame<'_> {
    decode(LinkType::Ethernet, bytes, bytes.len())
}

fn show(title: &str, frame: &Frame, steps: &mut Steps) -> io::Result<()> {
    let question =
        "Which headers does it have, from the outside? (for instance: Ethernet IPv6 ICMP)";
    steps.predict(&frame.dump(), question, &frame.headers())?;
    let (length, inside) = (frame.bytes.len(), frame.encapsulation());
    say!("\n{title}, {length} bytes: {inside}\n\n{frame}")?;
    let fault = frame.fault.clone();
    fault.map_or(Ok(()), |fault| Err(io::Error::other(fault)))
}

fn claim(text: &str, holds: bool) -> io::Result<()> {
    match holds {
        true => tell(text),
        false => Err(io::Error::other(format!(
            "this frame does not confirm: {text}"
        ))),
    }
}

/// Each header names the next one. Numbers begin with their highest byte (network byte order).
fn from_header_to_header(frame: &[u8]) -> io::Result<()> {
    let ether_type = u16::from_be_bytes([frame[12], frame[13]]);
    let words = frame[14] & 0x0f; // the lower half of the byte: the upper half is the version
    let udp = 14 + 4 * usize::from(words);
    let protocol = frame[14 + 9];
    let port = u16::from_be_bytes([frame[udp + 2], frame[udp + 3]]);
    claim(
        "By hand: the type is 0x0800, so IPv4 begins at 14. Its header has 5 words and its \
         protocol is 17, so UDP begins at 34. Its destination port is 69: the rest is for the \
         program bound to that port.",
        (ether_type, udp, protocol, port) == (0x0800, 34, 17, 69),
    )
}

/// IP's checksum covers only the IP header, because each router changes that header. The checksums
/// of UDP and TCP are for the other end: each covers its own header, the data, and a pseudo-header
/// of addresses, protocol and length.
fn checksums(frame: &[u8]) -> io::Result<()> {
    for layer in ["IPv4", "UDP"] {
        if let Some(checksum) = decoded(frame).checksum(layer) {
            claim(
                &format!("{layer}: {checksum}."),
                decoded(frame).is_right(layer),
            )?;
        }
    }
    let mut routed = frame.to_vec();
    routed[22] -= 1; // a router does this to the TTL, and then recomputes the checksum
    let routed = decoded(&routed);
    claim(
        "With a TTL of one less, IP's checksum is wrong (a router recomputes it); UDP's is right.",
        !routed.is_right("IPv4") && routed.is_right("UDP"),
    )?;
    let mut damaged = frame.to_vec();
    damaged[44] ^= 0x20; // one bit of the file's name
    let damaged = decoded(&damaged);
    claim(
        "With one bit of the name flipped, UDP's checksum is wrong; IP's is right.",
        damaged.is_right("IPv4") && !damaged.is_right("UDP"),
    )
}

fn from_stdin(steps: &mut Steps) -> io::Result<()> {
    let text = io::read_to_string(io::stdin()).attempt(|| "cannot read hex on stdin".to_owned())?;
    let bytes = from_hex(&text);
    show("stdin", &decoded(&bytes.map_err(io::Error::other)?), steps)
}

fn packets(file: &str, first: usize, steps: &mut Steps) -> io::Result<()> {
    let packets = Packets::open(file.as_ref())?;
    let link = packets.link();
    for (number, packet) in (1..).zip(packets.take(first)) {
        let packet = packet.attempt(|| format!("cannot read packet {number} of `{file}`"))?;
        let frame = decode(link, &packet.bytes, packet.wire_length);
        let title = format!("{number}. {:?} after the first", packet.at);
        let shown = show(&title, &frame, steps);
        shown.attempt(|| format!("packet {number} of `{file}`"))?;
        steps.wait()?;
    }
    steps.end()
}

impl command::Arguments for Arguments {
    const ABOUT: &'static str = "A lesson: frames, field by field";

    fn parser() -> impl Parser<Arguments> + 'static {
        let help = "How many packets of the file to show";
        let first = option_or("10", "first", "N", help, str::parse);
        let help = "A capture file in the pcap format, or - for an Ethernet frame in hex on stdin";
        let name = positional("FILE").help(help);
        let source = construct!(Source { first, name }).optional();
        let steps = Steps::parser();
        construct!(Arguments { steps, source })
    }
}
