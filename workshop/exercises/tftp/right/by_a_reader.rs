//! Reads the datagram as a stream, and every error of reading is no packet.

use std::io::{self, BufRead, ErrorKind, Read, Write};

use workshop::checks::tftp::{Options, Packet};

pub fn parse(datagram: &[u8]) -> Option<Packet> {
    read(datagram).ok()
}

fn read(mut bytes: impl BufRead) -> io::Result<Packet> {
    let opcode = number(&mut bytes)?;
    let packet = match opcode {
        1 | 2 => Packet::Request {
            write: opcode == 2,
            file: string(&mut bytes)?,
            mode: string(&mut bytes)?,
            options: options(&mut bytes)?,
        },
        3 => {
            let block = number(&mut bytes)?;
            let mut rest = Vec::new();
            bytes.read_to_end(&mut rest)?;
            Packet::Data { block, bytes: rest }
        }
        4 => Packet::Ack(number(&mut bytes)?),
        5 => {
            let code = number(&mut bytes)?;
            let mut text = Vec::new();
            bytes.read_until(0, &mut text)?;
            text.retain(|byte| *byte != 0);
            io::copy(&mut bytes, &mut io::sink())?;
            let text = String::from_utf8(text).unwrap_or_default();
            Packet::Error { code, text }
        }
        6 => Packet::OptionAck(options(&mut bytes)?),
        _ => return Err(ErrorKind::InvalidData.into()),
    };
    match bytes.fill_buf()? {
        [] => Ok(packet),
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

fn number(bytes: &mut impl Read) -> io::Result<u16> {
    let mut number = [0; 2];
    bytes.read_exact(&mut number)?;
    Ok(u16::from_be_bytes(number))
}

fn string(bytes: &mut impl BufRead) -> io::Result<String> {
    let mut text = Vec::new();
    bytes.read_until(0, &mut text)?;
    match text.pop() {
        Some(0) => String::from_utf8(text).map_err(io::Error::other),
        _ => Err(ErrorKind::UnexpectedEof.into()),
    }
}

fn options(bytes: &mut impl BufRead) -> io::Result<Options> {
    let mut options = Vec::new();
    while !bytes.fill_buf()?.is_empty() {
        options.push((string(bytes)?, string(bytes)?));
    }
    Ok(options)
}

pub fn write(packet: &Packet) -> Vec<u8> {
    let mut out = Vec::new();
    let written = match packet {
        Packet::Request {
            write,
            file,
            mode,
            options,
        } => write!(
            out,
            "\0{}{file}\0{mode}\0",
            if *write { '\x02' } else { '\x01' }
        )
        .and_then(|()| pairs(&mut out, options)),
        Packet::Data { block, bytes } => {
            out.write_all(&[&[0, 3], &block.to_be_bytes()[..], bytes].concat())
        }
        Packet::Ack(block) => out.write_all(&[&[0, 4], &block.to_be_bytes()[..]].concat()),
        Packet::Error { code, text } => out
            .write_all(&[&[0, 5], &code.to_be_bytes()[..]].concat())
            .and_then(|()| write!(out, "{text}\0")),
        Packet::OptionAck(options) => out
            .write_all(b"\0\x06")
            .and_then(|()| pairs(&mut out, options)),
    };
    written.expect("a Vec takes all");
    out
}

fn pairs(out: &mut impl Write, options: &Options) -> io::Result<()> {
    options
        .iter()
        .try_for_each(|(name, value)| write!(out, "{name}\0{value}\0"))
}
