//! Ends the text of an ERROR at the end of its first line.
//!
//! rejected by: ends the text of an ERROR at the first NUL
//! cause: Your code changes the string

use workshop::checks::tftp::{Options, Packet};

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
            let (block, bytes) = number(rest)?;
            let bytes = bytes.to_vec();
            Some(Packet::Data { block, bytes })
        }
        4 => match number(rest)? {
            (block, []) => Some(Packet::Ack(block)),
            _ => None,
        },
        5 => {
            let (code, rest) = number(rest)?;
            let text = rest.split(|byte| *byte == 0 || *byte == b'\n').next().unwrap_or_default();
            let text = String::from_utf8_lossy(text).into_owned();
            Some(Packet::Error { code, text })
        }
        6 => options(rest).map(Packet::OptionAck),
        _ => None,
    }
}

fn number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), rest))
}

fn string(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let text = str::from_utf8(&bytes[..end]).ok()?;
    Some((text.to_owned(), &bytes[end + 1..]))
}

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
