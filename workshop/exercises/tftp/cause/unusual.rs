//! A packet that `parse` has refused: what it has that an answer may not expect.

use crate::checks::tftp::{Options, Packet};

/// The longest block that two programs may agree on (RFC 2348).
const MOST_AGREED: usize = 65_464;

/// The longest request that RFC 2347 allows.
const LONGEST_REQUEST: usize = 512;

/// Why this packet may have been refused: everything that is unusual about it.
pub(super) fn of_a_refusal(bytes: &[u8], packet: &Packet) -> String {
    let after_number = bytes.get(4..).unwrap_or_default();
    let unusual = match packet {
        Packet::Data { block, bytes } => chosen(&[
            (
                bytes.is_empty(),
                "its block is empty, as after a file whose length is a multiple of the block size",
            ),
            (
                *block == 0,
                "its number is 0, which follows 65535 in a long transfer",
            ),
            (
                (513..=MOST_AGREED).contains(&bytes.len()),
                "its block is longer than 512 bytes, as the option blksize allows",
            ),
            (
                bytes.len() > MOST_AGREED,
                "its block is longer than 65464 bytes, the most that the option blksize allows (RFC \
                 2348)",
            ),
        ]),
        Packet::Ack(0) => vec!["its number is 0: it answers a write request"],
        Packet::Ack(_) => Vec::new(),
        Packet::Error { code, text } => chosen(&[
            (!after_number.contains(&0), "its text has no NUL"),
            (
                *code > 8,
                "its code is not one of the RFCs, which another program may use",
            ),
            (text.is_empty(), "its text is empty"),
            (
                str::from_utf8(after_number).is_err(),
                "its text is not UTF-8",
            ),
            (text.len() > 100, "its text is long"),
        ]),
        Packet::OptionAck(options) if options.is_empty() => vec!["it has no options"],
        Packet::OptionAck(options) => of_strings(&[], options),
        Packet::Request {
            file,
            mode,
            options,
            ..
        } => {
            let mut unusual = chosen(&[
                (options.is_empty(), "it has no options"),
                (
                    bytes.len() > LONGEST_REQUEST,
                    "it is longer than 512 bytes, the most that RFC 2347 allows for a request",
                ),
                (file.contains(".."), "its file leads out of a folder"),
                (
                    !matches!(mode.as_str(), "octet" | "netascii"),
                    "its mode is neither `octet` nor `netascii` in lower case",
                ),
            ]);
            unusual.extend(of_strings(&[file, mode], options));
            unusual
        }
    };
    let opcode = match bytes {
        [high, low, ..] => format!(
            "{} ({high:#04x} {low:#04x}, the more significant byte first)",
            u16::from_be_bytes([*high, *low])
        ),
        _ => "missing".to_owned(),
    };
    let is_an_error = matches!(packet, Packet::Error { .. });
    let why = match is_an_error {
        true => {
            "An ERROR ends the transfer: a program that drops it waits for a peer that has gone."
        }
        false => "`parse` returns what the packet says, and the caller decides what to do with it.",
    };
    match unusual[..] {
        [] => format!(
            "This is a whole packet, and your code returns None. Its opcode is {opcode}. {why}"
        ),
        _ => format!(
            "This is a whole packet with opcode {opcode}, and your code returns None. What may be \
             unusual about it: {}. {why}",
            unusual.join("; ")
        ),
    }
}

/// What is unusual about the strings of a packet: a file and a mode, if it is a request, and
/// options.
fn of_strings(file_and_mode: &[&String], options: &Options) -> Vec<&'static str> {
    let pairs = options.iter().flat_map(|(name, value)| [name, value]);
    let strings: Vec<&String> = file_and_mode.iter().copied().chain(pairs).collect();
    let any = |is: fn(&str) -> bool| strings.iter().any(|string| is(string));
    let names = || options.iter().map(|(name, _)| name);
    let repeated = names().any(|name| names().filter(|other| *other == name).count() > 1);
    chosen(&[
        (
            any(str::is_empty),
            "a string is empty, so that its NUL stands alone",
        ),
        (
            any(|s| !s.is_ascii()),
            "a string has letters that are not ASCII",
        ),
        (
            any(|s| s.contains(char::REPLACEMENT_CHARACTER)),
            "a string has the letter U+FFFD, which was sent: `from_utf8_lossy` puts the same letter \
             in the place of bytes that are not UTF-8",
        ),
        (
            any(|s| s.contains(char::is_control)),
            "a string has control characters",
        ),
        (any(|s| s.len() > 100), "a string is long"),
        (any(|s| s.contains(' ')), "a string has spaces"),
        (repeated, "an option comes twice"),
        (options.len() > 4, "it has many options"),
    ])
}

fn chosen(all: &[(bool, &'static str)]) -> Vec<&'static str> {
    let there = all.iter().filter(|(is, _)| *is);
    there.map(|(_, what)| *what).collect()
}
