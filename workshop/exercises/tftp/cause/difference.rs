//! A packet that `parse` has returned instead of the right one: what differs, and where that
//! begins.

use crate::checks::tftp::{Options, Packet};

/// What is different, and why.
pub(super) fn of_another_packet(wanted: &Packet, got: &Packet) -> Option<String> {
    let what = match (wanted, got) {
        (Packet::Request { write, .. }, Packet::Request { write: other, .. }) if write != other => {
            "Your code swaps RRQ and WRQ. Opcode 1 is a request to read (`write: false`), and 2 is \
             a request to write."
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
                    "Bytes of the block are missing. The block is everything after the number: a \
                     NUL does not end it, and it has no largest length."
                }
                len if len > bytes.len() => {
                    "There are more bytes than the block has. It begins after the opcode and the \
                     number, at byte 4, and ends with the datagram."
                }
                _ => {
                    "Your code changes bytes of the block. It need not be text: copy the bytes as \
                     they are."
                }
            }
        }
        _ => {
            "Your code returns another kind of packet. The opcode, in the first two bytes, says \
             which kind it is."
        }
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
                "Your code swaps the two bytes of a number. {wanted} is {:#04x} and then {:#04x}, \
                 the more significant first (network byte order): use `from_be_bytes`.",
                wanted >> 8,
                wanted & 0xff
            ),
            (_, true, _) => format!(
                "Your code reads only one byte of the number {wanted}. It has two: use \
                 `from_be_bytes`."
            ),
            (_, _, 0) => {
                "The number is 0, and your code returns another. 0 is valid: ACK 0 answers a write \
                 request, and block 0 follows block 65535."
                    .to_owned()
            }
            _ => format!("The number is in bytes 2 and 3. It is {wanted}, and not {got}."),
        },
    )
}

fn of_text(wanted: &str, got: &str) -> Option<String> {
    let what = if wanted == got {
        return None;
    } else if got.contains('\0') {
        "Your code keeps a NUL in the string. The first NUL ends the string and is not part of it."
    } else if wanted.eq_ignore_ascii_case(got) || wanted.to_lowercase() == got.to_lowercase() {
        "Your code changes the case of letters. Keep them as they are: a server must send an \
         option's name back in the same letters. Only a comparison ignores case."
    } else if got.contains('\u{fffd}') {
        "Your code replaces letters (`from_utf8_lossy`), so the result is another name. Use \
         `str::from_utf8`."
    } else if got.chars().count() > wanted.chars().count() && got.chars().all(|c| (c as u32) < 256)
    {
        "Your code reads each byte as a letter. In UTF-8 a letter may have several bytes: use \
         `str::from_utf8`."
    } else if wanted.trim() == got {
        "Your code removes spaces. They are letters of the string like any other: do not trim."
    } else {
        "Your code changes the string. It is all bytes before its NUL, as they are and however \
         many they are."
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
        "Your code returns no options, and the packet has some. Read pairs of strings until \
         nothing is left. A name or a value may be empty."
    } else if sorted(wanted) == sorted(got) {
        "Your code returns the options in another order than the packet has. A Vec keeps the \
         order. A map does not."
    } else if got.len() < wanted.len() {
        let empty = wanted.iter().any(|(_, value)| value.is_empty());
        match empty && !got.iter().any(|(_, value)| value.is_empty()) {
            true => {
                "Your code drops an option whose value is empty. An empty value is a value: its \
                 NUL is there."
            }
            false => {
                "Options are missing. Return each pair of the packet, also one whose name is \
                 empty, unknown, or there for a second time."
            }
        }
    } else {
        let mut pairs = wanted.iter().zip(got);
        let (wanted, got) = pairs.find(|(wanted, got)| wanted != got)?;
        return match of_text(&wanted.0, &got.0) {
            Some(_) if wanted.0 == got.1 => {
                Some("Your code swaps the name and the value of an option.".to_owned())
            }
            None if is_the_same_number(&wanted.1, &got.1) => Some(
                "Your code turns a value into a number and back, which changes its text. Keep the \
                 text: it need not be a number."
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
pub(super) fn first_difference(wanted: &Packet, got: &Packet) -> usize {
    let of_options = |at: usize, options: &Options, other: &Options| {
        let pairs = || options.iter().zip(other);
        let same = pairs().take_while(|(a, b)| a == b);
        let len = same.map(|((name, value), _)| name.len() + value.len() + 2);
        let differing = pairs().find(|(a, b)| a != b);
        let after_name = differing.filter(|((a, _), (b, _))| a == b);
        at + len.sum::<usize>() + after_name.map_or(0, |((name, _), _)| name.len() + 1)
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
