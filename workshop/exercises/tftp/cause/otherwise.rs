//! A packet that was read otherwise than it is: what differs, and where that begins.

use crate::checks::tftp::{Options, Packet};

/// Why, most likely.
pub(super) fn taken_for_another(wanted: &Packet, got: &Packet) -> Option<String> {
    let what = match (wanted, got) {
        (Packet::Request { write, .. }, Packet::Request { write: other, .. }) if write != other => {
            "Opcode 1 is RRQ, a request to read, and 2 is WRQ, a request to write."
        }
        (
            Packet::Request {
                file,
                mode,
                options,
                ..
            },
            Packet::Request {
                file: other_file,
                mode: other_mode,
                options: other_options,
                ..
            },
        ) => {
            return of_text(file, other_file)
                .or_else(|| of_text(mode, other_mode))
                .or_else(|| of_options(options, other_options));
        }
        (Packet::OptionAck(options), Packet::OptionAck(other)) => {
            return of_options(options, other);
        }
        (Packet::Ack(block), Packet::Ack(other)) => return of_number(*block, *other),
        (
            Packet::Error { code, text },
            Packet::Error {
                code: other,
                text: other_text,
            },
        ) => {
            return of_number(*code, *other).or_else(|| of_text(text, other_text));
        }
        (
            Packet::Data { block, bytes },
            Packet::Data {
                block: other,
                bytes: others,
            },
        ) => {
            if block != other {
                return of_number(*block, *other);
            }
            match others.len() {
                len if len < bytes.len() => {
                    "Bytes of the block are gone. All that follows the number is the block, NULs and all: \
                     no byte in it ends it, and its length is what the datagram leaves."
                }
                len if len > bytes.len() => {
                    "The block begins behind the opcode and the number, at byte 4."
                }
                _ => "The block is bytes, and no text: none of them may change.",
            }
        }
        _ => "The opcode, in the first two bytes, says which packet it is.",
    };
    Some(what.to_owned())
}

fn of_number(wanted: u16, got: u16) -> Option<String> {
    if wanted == got {
        return None;
    }
    Some(
        match (got.swap_bytes() == wanted, got == wanted & 0xff, wanted) {
            (true, ..) => format!(
                "The bytes are in the wrong order: {wanted} is {:#04x} and then {:#04x}, the more significant \
             first. Network byte order: `from_be_bytes`, `to_be_bytes`.",
                wanted >> 8,
                wanted & 0xff
            ),
            (_, true, _) => format!("A number has two bytes: {wanted} is not in one of them."),
            (_, _, 0) => {
                "0 is a number like any other: an ACK 0 answers a write request, and behind block \
                      65 535 comes block 0."
                    .to_owned()
            }
            _ => format!("The number is in bytes 2 and 3: {wanted}, and not {got}."),
        },
    )
}

fn of_text(wanted: &str, got: &str) -> Option<String> {
    let what = if wanted == got {
        return None;
    } else if got.contains('\0') {
        "The NUL ends the string, and is no part of it. It is there in the packet only."
    } else if wanted.eq_ignore_ascii_case(got) || wanted.to_lowercase() == got.to_lowercase() {
        "Whoever compares a mode or an option's name does so without regard to case; `parse` gives it as \
         it came: the server must give an option's name back in the same letters."
    } else if got.contains('\u{fffd}') {
        "Letters have been replaced: that is another name."
    } else if got.chars().count() > wanted.chars().count() && got.chars().all(|c| (c as u32) < 256)
    {
        "Each byte has been taken for a letter. In UTF-8 a letter may have several: `str::from_utf8`."
    } else if wanted.trim() == got {
        "Spaces are letters of a name like any other."
    } else {
        "The string is what stands before its NUL, all of it and nothing else."
    };
    Some(what.to_owned())
}

fn of_options(wanted: &Options, got: &Options) -> Option<String> {
    let sorted = |options: &Options| {
        let mut sorted = options.clone();
        sorted.sort();
        sorted
    };
    let what = if wanted == got {
        return None;
    } else if got.is_empty() {
        "Behind the mode there may be options, and `parse` has left them all out."
    } else if sorted(wanted) == sorted(got) {
        "The options are in another order than in the packet. A Vec keeps it; a map does not."
    } else if got.len() < wanted.len() {
        let empty = wanted.iter().any(|(_, value)| value.is_empty());
        match empty && !got.iter().any(|(_, value)| value.is_empty()) {
            true => "A value may be empty: its NUL is there all the same, and so is the option.",
            false => {
                "Options are missing. Each pair in the packet is one of the list, whether or not its name \
                 is known or has come before: to judge them is for others."
            }
        }
    } else {
        let mut pairs = wanted.iter().zip(got);
        let (wanted, got) = pairs.find(|(wanted, got)| wanted != got)?;
        return match of_text(&wanted.0, &got.0) {
            Some(_) if wanted.0 == got.1 => Some("Name and value are exchanged.".to_owned()),
            None if is_the_same_number(&wanted.1, &got.1) => Some(
                "A value is text: whoever makes a number of it and text again gives something else back."
                    .to_owned(),
            ),
            of_name => of_name.or_else(|| of_text(&wanted.1, &got.1)),
        };
    };
    Some(what.to_owned())
}

fn is_the_same_number(a: &str, b: &str) -> bool {
    a.parse::<u64>().is_ok_and(|a| b.parse() == Ok(a))
}

/// Where the first part begins that is not the same in both.
pub(super) fn parting(wanted: &Packet, got: &Packet) -> usize {
    let of_options = |at: usize, options: &Options, other: &Options| {
        let pairs = || options.iter().zip(other);
        let same = pairs().take_while(|(a, b)| a == b);
        let len = same.map(|((name, value), _)| name.len() + value.len() + 2);
        let differing = pairs().find(|(a, b)| a != b);
        let behind_name = differing.filter(|((a, _), (b, _))| a == b);
        at + len.sum::<usize>() + behind_name.map_or(0, |((name, _), _)| name.len() + 1)
    };
    match (wanted, got) {
        (
            Packet::Request {
                write,
                file,
                mode,
                options,
            },
            Packet::Request {
                write: other_write,
                file: other_file,
                mode: other_mode,
                options: other_options,
            },
        ) => {
            if write != other_write {
                0
            } else if file != other_file {
                2
            } else if mode != other_mode {
                2 + file.len() + 1
            } else {
                of_options(2 + file.len() + 1 + mode.len() + 1, options, other_options)
            }
        }
        (Packet::OptionAck(options), Packet::OptionAck(other)) => of_options(2, options, other),
        (Packet::Ack(_), Packet::Ack(_)) => 2,
        (Packet::Error { code, .. }, Packet::Error { code: other, .. }) if code != other => 2,
        (Packet::Error { .. }, Packet::Error { .. }) => 4,
        (Packet::Data { block, .. }, Packet::Data { block: other, .. }) if block != other => 2,
        (Packet::Data { bytes, .. }, Packet::Data { bytes: other, .. }) => {
            4 + bytes.iter().zip(other).take_while(|(a, b)| a == b).count()
        }
        _ => 0,
    }
}
