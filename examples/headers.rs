//! tcpdump prints a line for each frame, and you need to know what it read. A frame (what a link
//! carries at a time) has a header for each layer of the network, one after the other. This lesson
//! decodes them field by field.
//!
//!     cargo run --example headers
//!     cargo run --example headers -- FILE.pcap --first 3     frames of tcpdump -w FILE.pcap
//!     echo ffffffffffff 00055d6158a8 0806 0001 08 | cargo run --example headers -- -
//!
//! You will see five frames: each field's offset, bytes, bits and meaning, and the checksums
//! computed by hand. The last command decodes a frame that is cut short: its error names the field
//! that is not whole.
//!
//! New here: the headers before a program's data. No network needed.

use std::{io, process::ExitCode};

use bpaf::{Parser, construct, positional};
use socket_workshop::command::{self, arguments::option_or};
use socket_workshop::{fault::Attempt, say, stage::Steps, stage::tell};
use wire::frame::{Frame, LinkType, decode, from_hex, named_frames};
use wire::pcap::Packets;

const INTRODUCTION: &str = "\
A frame is what a link, such as an Ethernet cable, carries at a time. Networks
are described in seven layers. Four of them have a header here: 2 link,
3 network, 4 transport and 7 application. (Layer 1, physical, is the signals on
the cable. Layers 5 and 6, session and presentation, are left to the program.)
Each layer puts its header before the data that the layer above gives it.

The title of a frame has each header with its length in bytes. The brackets show
what it carries: in `IPv4 20 [ UDP 8 ]` it is a UDP header. Below is a line for
each field: its offset in the frame, its bytes (or its bits), its name, its
value, and what that means.";

/// The arguments of the program.
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
    say!("{INTRODUCTION}")?;
    let frames = named_frames(include_str!("../wire/data/frames.txt"));
    let mut number = 0;
    for (name, bytes) in frames.map_err(io::Error::other)? {
        number += 1;
        let frame = decode_ethernet(&bytes);
        show(&format!("{number}. {name}"), &frame, steps)?;
        match name {
            "arp-request" => arp_request(&frame)?,
            "arp-reply" => arp_reply(&frame)?,
            "tftp-read-request" => {
                from_header_to_header(&frame)?;
                checksums(&frame)?;
            }
            "tcp-syn" => claim(
                "A TCP header of 40 bytes, half of it options. A field of 4 bits counts it in \
                 words of 4 bytes: 15 words at most, which is 60 bytes. (Three flags are rare: ECE \
                 reports that a router on the way is overloaded, CWR says that the sender has \
                 slowed down, URG marks urgent data.)",
                frame.length("TCP") == 40,
            )?,
            "tcp-data" => claim(
                "6 bytes of data came with 66 bytes of headers.",
                frame.length("data") == 6 && bytes.len() == 66 + 6,
            )?,
            _ => {}
        }
        steps.wait()?;
    }
    steps.end()
}

fn decode_ethernet(bytes: &[u8]) -> Frame<'_> {
    decode(LinkType::Ethernet, bytes, bytes.len())
}

fn show(title: &str, frame: &Frame, steps: &mut Steps) -> io::Result<()> {
    let question =
        "Which headers does it have, from the outside? (for instance: Ethernet IPv6 ICMPv6)";
    steps.predict(&frame.dump(), question, &frame.headers())?;
    let length = frame.bytes.len();
    let headers = frame.encapsulation();
    say!("\n{title}, {length} bytes: {headers}\n\n{frame}")?;
    match frame.fault.clone() {
        Some(fault) => Err(io::Error::other(fault)), // a field is cut short, or cannot be right
        None => Ok(()),
    }
}

fn claim(text: &str, holds: bool) -> io::Result<()> {
    match holds {
        true => tell(text),
        false => Err(io::Error::other(format!(
            "this frame does not confirm: {text}"
        ))),
    }
}

fn arp_request(frame: &Frame) -> io::Result<()> {
    claim(
        "ARP asks all on the link (broadcast): which hardware address has this IP address?",
        frame.bytes[..6] == [0xff; 6],
    )?;
    claim(
        "An Ethernet header is followed by at least 46 bytes, and at most 1500 (the MTU, maximum \
         transmission unit). ARP has 28, plus 18 of padding.",
        frame.length("ARP") + frame.length("padding") == 46,
    )
}

fn arp_reply(frame: &Frame) -> io::Result<()> {
    let destination = &frame.bytes[..6];
    let target = &frame.bytes[32..38];
    claim(
        "The reply goes to the host that has asked. The answer is the sender hardware address in \
         the reply.",
        destination == target,
    )
}

/// Each header names the next one. Numbers begin with their highest byte (network byte order).
fn from_header_to_header(frame: &Frame) -> io::Result<()> {
    claim(
        "Layer by layer: 2 Ethernet, 3 IPv4, 4 UDP, 7 TFTP.",
        frame.headers() == ["Ethernet", "IPv4", "UDP", "TFTP"],
    )?;
    let bytes = frame.bytes;
    let ether_type = u16::from_be_bytes([bytes[12], bytes[13]]);
    let words = bytes[14] & 0x0f; // the lower half of the byte: the upper half is the version
    let udp = 14 + 4 * usize::from(words); // where UDP's header begins
    let protocol = bytes[14 + 9];
    let port = u16::from_be_bytes([bytes[udp + 2], bytes[udp + 3]]);
    claim(
        "By hand: the type at 12 is 0x0800, so an IPv4 header begins at 14. It has 5 words of 4 \
         bytes and its protocol is 17, so a UDP header begins at 14 + 20 = 34. Its destination \
         port is 69: the rest is for the program that is bound to that port.",
        (ether_type, udp, protocol, port) == (0x0800, 34, 17, 69),
    )
}

fn checksums(frame: &Frame) -> io::Result<()> {
    tell(
        "How a checksum is made: add all words of 16 bits (the checksum itself counts as 0), add \
         the carries to the lower 16 bits, and flip all bits. IP's covers the IP header only, \
         because each router changes that header. UDP's and TCP's are for the other end: each \
         covers its header, the data, and a pseudo-header (addresses, protocol, length).",
    )?;
    for layer in ["IPv4", "UDP"] {
        if let Some(checksum) = frame.checksum(layer) {
            claim(&format!("{layer}: {checksum}."), frame.is_right(layer))?;
        }
    }
    let mut routed = frame.bytes.to_vec();
    routed[22] -= 1; // a router does this to the TTL, and then recomputes the checksum
    let routed = decode_ethernet(&routed);
    claim(
        "With a TTL of one less, IP's checksum is wrong (a router recomputes it); UDP's is right.",
        !routed.is_right("IPv4") && routed.is_right("UDP"),
    )?;
    let mut damaged = frame.bytes.to_vec();
    damaged[44] ^= 0x20; // one bit of the file's name
    let damaged = decode_ethernet(&damaged);
    claim(
        "With one bit of the name flipped, UDP's checksum is wrong; IP's is right.",
        damaged.is_right("IPv4") && !damaged.is_right("UDP"),
    )
}

fn from_stdin(steps: &mut Steps) -> io::Result<()> {
    let text = io::read_to_string(io::stdin()).attempt(|| "cannot read hex on stdin".to_owned())?;
    let bytes = from_hex(&text).map_err(io::Error::other)?;
    show("stdin", &decode_ethernet(&bytes), steps)
}

fn packets(file: &str, first: usize, steps: &mut Steps) -> io::Result<()> {
    let packets = Packets::open(file.as_ref())?;
    let link = packets.link();
    let mut number = 0;
    for packet in packets.take(first) {
        number += 1;
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
