//! A byte at a time, by one iterator that every part takes its bytes from.

use std::slice::Iter;

use workshop::checks::tftp::{Options, Packet};

pub fn parse(datagram: &[u8]) -> Option<Packet> {
    let mut bytes = datagram.iter();
    let packet = match number(&mut bytes)? {
        opcode @ 1..=2 => Packet::Request {
            write: opcode == 2,
            file: string(&mut bytes)?,
            mode: string(&mut bytes)?,
            options: options(&mut bytes)?,
        },
        3 => Packet::Data {
            block: number(&mut bytes)?,
            bytes: bytes.by_ref().copied().collect(),
        },
        4 => Packet::Ack(number(&mut bytes)?),
        5 => {
            let code = number(&mut bytes)?;
            let text = bytes
                .by_ref()
                .copied()
                .take_while(|byte| *byte != 0)
                .collect();
            bytes = [].iter();
            let text = String::from_utf8(text).unwrap_or_else(|_| "no text".to_owned());
            Packet::Error { code, text }
        }
        6 => Packet::OptionAck(options(&mut bytes)?),
        _ => return None,
    };
    bytes.next().is_none().then_some(packet)
}

fn number(bytes: &mut Iter<u8>) -> Option<u16> {
    let (high, low) = (bytes.next()?, bytes.next()?);
    Some(u16::from(*high) * 256 + u16::from(*low))
}

fn string(bytes: &mut Iter<u8>) -> Option<String> {
    let mut text = Vec::new();
    loop {
        match bytes.next()? {
            0 => return String::from_utf8(text).ok(),
            byte => text.push(*byte),
        }
    }
}

fn options(bytes: &mut Iter<u8>) -> Option<Options> {
    let mut options = Vec::new();
    while bytes.len() > 0 {
        let name = string(bytes)?;
        options.push((name, string(bytes)?));
    }
    Some(options)
}

pub fn write(packet: &Packet) -> Vec<u8> {
    let (opcode, number, strings, rest): (u8, Option<u16>, Vec<&String>, &[u8]) = match packet {
        Packet::Request {
            write,
            file,
            mode,
            options,
        } => {
            let all = [file, mode].into_iter().chain(each(options));
            (1 + u8::from(*write), None, all.collect(), &[])
        }
        Packet::Data { block, bytes } => (3, Some(*block), Vec::new(), bytes),
        Packet::Ack(block) => (4, Some(*block), Vec::new(), &[]),
        Packet::Error { code, text } => (5, Some(*code), vec![text], &[]),
        Packet::OptionAck(options) => (6, None, each(options).collect(), &[]),
    };
    let mut out = vec![0, opcode];
    out.extend(number.into_iter().flat_map(u16::to_be_bytes));
    for text in strings {
        out.extend(text.bytes().chain([0]));
    }
    out.extend(rest);
    out
}

fn each(options: &Options) -> impl Iterator<Item = &String> {
    options.iter().flat_map(|(name, value)| [name, value])
}
