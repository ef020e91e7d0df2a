//! Exercise 18: tftp, solved. Each function takes something from the front of what is left, and
//! returns the rest.

use std::process::ExitCode;

use workshop::checks::tftp::{Options, Packet};

/// The packet in a datagram, or `None` if the datagram is not a packet.
///
/// Nothing here can panic: there is no index, and no length that a stranger has sent.
pub fn parse(datagram: &[u8]) -> Option<Packet> {
    let (opcode, rest) = number(datagram)?;
    match opcode {
        1 | 2 => {
            let (file, rest) = string(rest)?;
            let (mode, rest) = string(rest)?;
            Some(Packet::Request {
                write: opcode == 2,
                file,
                mode,
                options: options(rest)?,
            })
        }
        3 => {
            let (block, bytes) = number(rest)?; // the rest is the block: no field says its length
            let bytes = bytes.to_vec();
            Some(Packet::Data { block, bytes })
        }
        4 => match number(rest)? {
            (block, []) => Some(Packet::Ack(block)),
            _ => None,
        },
        5 => {
            let (code, rest) = number(rest)?;
            // A damaged text must not hide that the transfer is over.
            let text = rest.split(|byte| *byte == 0).next().unwrap_or_default();
            let text = String::from_utf8_lossy(text).into_owned();
            Some(Packet::Error { code, text })
        }
        6 => options(rest).map(Packet::OptionAck),
        _ => None,
    }
}

/// The number at the front, and the rest.
fn number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), rest))
}

/// The string at the front, and what follows its NUL.
fn string(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let text = str::from_utf8(&bytes[..end]).ok()?;
    Some((text.to_owned(), &bytes[end + 1..]))
}

/// Pairs of strings, until nothing is left. Half a pair makes the packet invalid.
fn options(mut rest: &[u8]) -> Option<Options> {
    let mut options = Vec::new();
    while !rest.is_empty() {
        let (name, behind) = string(rest)?;
        let (value, behind) = string(behind)?;
        options.push((name, value));
        rest = behind;
    }
    Some(options)
}

/// The bytes of a packet.
pub fn write(packet: &Packet) -> Vec<u8> {
    let mut out = Vec::new();
    match packet {
        Packet::Request {
            write,
            file,
            mode,
            options,
        } => {
            push_number(&mut out, if *write { 2 } else { 1 });
            push_string(&mut out, file);
            push_string(&mut out, mode);
            push_options(&mut out, options);
        }
        Packet::Data { block, bytes } => {
            push_number(&mut out, 3);
            push_number(&mut out, *block);
            out.extend_from_slice(bytes);
        }
        Packet::Ack(block) => {
            push_number(&mut out, 4);
            push_number(&mut out, *block);
        }
        Packet::Error { code, text } => {
            push_number(&mut out, 5);
            push_number(&mut out, *code);
            push_string(&mut out, text);
        }
        Packet::OptionAck(options) => {
            push_number(&mut out, 6);
            push_options(&mut out, options);
        }
    }
    out
}

fn push_number(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_be_bytes());
}

fn push_string(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

fn push_options(out: &mut Vec<u8>, options: &Options) {
    for (name, value) in options {
        push_string(out, name);
        push_string(out, value);
    }
}

fn main() -> ExitCode {
    workshop::checks::tftp::SUITE.examine((parse, write))
}
