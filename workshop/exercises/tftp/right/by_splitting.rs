//! Splits at every NUL, and sees by an empty piece at the end that the last string was ended. An
//! ERROR's text is taken for Latin-1 where it is not UTF-8.

use workshop::checks::tftp::{Options, Packet};

pub fn parse(datagram: &[u8]) -> Option<Packet> {
    match *datagram {
        [0, opcode @ (1 | 2), ref rest @ ..] => {
            let mut strings = strings(rest)?;
            if strings.len() < 2 {
                return None;
            }
            let options = pairs(strings.split_off(2))?;
            let mode = strings.pop()?;
            let file = strings.pop()?;
            let write = opcode == 2;
            Some(Packet::Request {
                write,
                file,
                mode,
                options,
            })
        }
        [0, 3, high, low, ref bytes @ ..] => Some(Packet::Data {
            block: u16::from(high) << 8 | u16::from(low),
            bytes: bytes.to_vec(),
        }),
        [0, 4, high, low] => Some(Packet::Ack(u16::from(high) << 8 | u16::from(low))),
        [0, 5, high, low, ref text @ ..] => {
            let text = text.split(|byte| *byte == 0).next()?;
            let latin_1 = || text.iter().map(|byte| char::from(*byte)).collect();
            Some(Packet::Error {
                code: u16::from(high) << 8 | u16::from(low),
                text: String::from_utf8(text.to_vec()).unwrap_or_else(|_| latin_1()),
            })
        }
        [0, 6, ref rest @ ..] => Some(Packet::OptionAck(pairs(strings(rest)?)?)),
        _ => None,
    }
}

fn strings(bytes: &[u8]) -> Option<Vec<String>> {
    let mut pieces: Vec<&[u8]> = bytes.split(|byte| *byte == 0).collect();
    if !pieces.pop()?.is_empty() {
        return None;
    }
    let text = |piece: &[u8]| String::from_utf8(piece.to_vec()).ok();
    pieces.into_iter().map(text).collect()
}

fn pairs(strings: Vec<String>) -> Option<Options> {
    let pair = |pair: &[String]| match pair {
        [name, value] => Some((name.clone(), value.clone())),
        _ => None,
    };
    strings.chunks(2).map(pair).collect()
}

pub fn write(packet: &Packet) -> Vec<u8> {
    let number = |opcode: u8, number: u16| vec![0, opcode, (number >> 8) as u8, number as u8];
    let pairs = |options: &Options| -> String {
        let pair = |(name, value): &(String, String)| format!("{name}\0{value}\0");
        options.iter().map(pair).collect()
    };
    match packet {
        Packet::Request {
            write,
            file,
            mode,
            options,
        } => {
            let opcode = if *write { '\u{2}' } else { '\u{1}' };
            format!("\0{opcode}{file}\0{mode}\0{}", pairs(options)).into_bytes()
        }
        Packet::Data { block, bytes } => [number(3, *block), bytes.clone()].concat(),
        Packet::Ack(block) => number(4, *block),
        Packet::Error { code, text } => {
            [number(5, *code), format!("{text}\0").into_bytes()].concat()
        }
        Packet::OptionAck(options) => format!("\0\u{6}{}", pairs(options)).into_bytes(),
    }
}
