//! The five packets of RFC 1350, and the sixth of RFC 2347: read from the bytes of a datagram, and
//! written to them.

use std::fmt;

use super::Code;

/// Options, each a name and a value, in the order in which they stand.
pub type Options = Vec<(String, String)>;

/// A packet: all of a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// RRQ and WRQ, opcodes 1 and 2: to read a file of the server's, or to write one.
    Request {
        /// Whether it is WRQ.
        write: bool,
        /// The file's name.
        file: String,
        /// `octet` for bytes as they are, `netascii` for lines of text; in letters of either case.
        mode: String,
        /// What the client would like to agree on (RFC 2347).
        options: Options,
    },
    /// DATA, opcode 3: a block of the file. One that is shorter than
    /// agreed, perhaps empty, is the last.
    Data {
        /// Its number, from 1. It has 16 bits: after 65 535 comes 0.
        block: u16,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// ACK, opcode 4: the block of this number has come. 0 answers WRQ and OACK.
    Ack(u16),
    /// ERROR, opcode 5: the transfer is over.
    Error {
        /// See [`super::Code`].
        code: u16,
        /// For people.
        text: String,
    },
    /// OACK, opcode 6: the options that the server agrees to.
    OptionAck(Options),
}

impl<'a> Packet<'a> {
    /// A client's request to read a file in blocks of `block_size` bytes, resent after `timeout`
    /// seconds.
    #[must_use]
    pub fn read_request(file: &str, block_size: u16, timeout: u8) -> Packet<'static> {
        let option = |name: &str, value: u16| (name.to_owned(), value.to_string());
        Packet::Request {
            write: false,
            file: file.to_owned(),
            mode: "octet".to_owned(),
            options: vec![
                option("tsize", 0),
                option("blksize", block_size),
                option("timeout", timeout.into()),
            ],
        }
    }

    /// An ERROR.
    #[must_use]
    pub fn error(Code(code): Code, text: &str) -> Packet<'static> {
        let text = text.to_owned();
        Packet::Error { code, text }
    }

    /// Whether an ACK answers it: a block, or the options that the server agrees to.
    #[must_use]
    pub fn wants_ack(&self) -> bool {
        matches!(self, Packet::Data { .. } | Packet::OptionAck(_))
    }

    /// Whether it is an ACK.
    #[must_use]
    pub fn is_ack(&self) -> bool {
        matches!(self, Packet::Ack(_))
    }

    /// Reads a packet. `None`: these bytes are none. Nothing of it is guessed: a string that is not
    /// ended, or is not UTF-8, makes it none; but an ERROR's text is for
    /// people only, and is taken as it comes.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Packet<'a>> {
        let (opcode, rest) = number(bytes)?;
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
            3 => number(rest).map(|(block, bytes)| Packet::Data { block, bytes }),
            4 => match number(rest)? {
                (block, []) => Some(Packet::Ack(block)),
                _ => None,
            },
            5 => {
                let (code, rest) = number(rest)?;
                let text = rest.split(|byte| *byte == 0).next().unwrap_or_default();
                let text = String::from_utf8_lossy(text).into_owned();
                Some(Packet::Error { code, text })
            }
            6 => options(rest).map(Packet::OptionAck),
            _ => None,
        }
    }

    /// Writes it. No string in it may contain a NUL, which would end it there.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Packet::Request {
                write,
                file,
                mode,
                options,
            } => {
                let mut out = vec![0, if *write { 2 } else { 1 }];
                put_string(&mut out, file);
                put_string(&mut out, mode);
                put_options(&mut out, options);
                out
            }
            Packet::Data { block, bytes } => {
                let [high, low] = block.to_be_bytes();
                [&[0, 3, high, low], *bytes].concat()
            }
            Packet::Ack(block) => {
                let [high, low] = block.to_be_bytes();
                vec![0, 4, high, low]
            }
            Packet::Error { code, text } => {
                let [high, low] = code.to_be_bytes();
                let mut out = vec![0, 5, high, low];
                put_string(&mut out, text);
                out
            }
            Packet::OptionAck(options) => {
                let mut out = vec![0, 6];
                put_options(&mut out, options);
                out
            }
        }
    }
}

/// Two bytes, the more significant first: network byte order.
fn number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), rest))
}

/// What stands before the next NUL, which must be there.
fn string(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let text = str::from_utf8(&bytes[..end]).ok()?;
    Some((text.to_owned(), &bytes[end + 1..]))
}

fn options(mut bytes: &[u8]) -> Option<Options> {
    let mut options = Vec::new();
    while !bytes.is_empty() {
        let (name, rest) = string(bytes)?;
        let (value, rest) = string(rest)?;
        options.push((name, value));
        bytes = rest;
    }
    Some(options)
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

fn put_options(out: &mut Vec<u8>, options: &Options) {
    for (name, value) in options {
        put_string(out, name);
        put_string(out, value);
    }
}

/// `RRQ "file" octet blksize=512`, `DATA 1, 512 bytes`, `ACK 1`.
impl fmt::Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |f: &mut fmt::Formatter<'_>, options: &Options| {
            let mut each = options.iter();
            each.try_for_each(|(name, value)| {
                write!(f, " {}={}", name.escape_debug(), value.escape_debug())
            })
        };
        match self {
            Packet::Request {
                write: is_write,
                file,
                mode,
                options,
            } => {
                let name = if *is_write { "WRQ" } else { "RRQ" };
                write!(f, "{name} {file:?} {}", mode.escape_debug())?;
                listed(f, options)
            }
            Packet::Data { block, bytes } => write!(f, "DATA {block}, {} bytes", bytes.len()),
            Packet::Ack(block) => write!(f, "ACK {block}"),
            Packet::Error { code, text } => write!(f, "ERROR {code} {text:?}"),
            Packet::OptionAck(options) => {
                f.write_str("OACK")?;
                listed(f, options)
            }
        }
    }
}
