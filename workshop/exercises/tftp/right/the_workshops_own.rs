//! By the library's own codec, from one type to the other.

use socket_workshop::tftp;
use workshop::checks::tftp::Packet;

pub fn parse(datagram: &[u8]) -> Option<Packet> {
    Some(match tftp::Packet::parse(datagram)? {
        tftp::Packet::Request {
            write,
            file,
            mode,
            options,
        } => Packet::Request {
            write,
            file,
            mode,
            options,
        },
        tftp::Packet::Data { block, bytes } => Packet::Data {
            block,
            bytes: bytes.to_vec(),
        },
        tftp::Packet::Ack(block) => Packet::Ack(block),
        tftp::Packet::Error { code, text } => Packet::Error { code, text },
        tftp::Packet::OptionAck(options) => Packet::OptionAck(options),
    })
}

pub fn write(packet: &Packet) -> Vec<u8> {
    match packet.clone() {
        Packet::Request {
            write,
            file,
            mode,
            options,
        } => tftp::Packet::Request {
            write,
            file,
            mode,
            options,
        }
        .to_bytes(),
        Packet::Data { block, bytes } => tftp::Packet::Data {
            block,
            bytes: &bytes,
        }
        .to_bytes(),
        Packet::Ack(block) => tftp::Packet::Ack(block).to_bytes(),
        Packet::Error { code, text } => tftp::Packet::Error { code, text }.to_bytes(),
        Packet::OptionAck(options) => tftp::Packet::OptionAck(options).to_bytes(),
    }
}
