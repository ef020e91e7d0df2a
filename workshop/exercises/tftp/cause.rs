//! What the answer does wrong, by the bytes, the packet in them, and what was returned.

mod difference;
mod unusual;

use self::{
    difference::{first_difference, of_another_packet},
    unusual::of_a_refusal,
};
use super::Packet;
use crate::exam::{
    Case,
    diagnosis::{LOOP_DOES_NOT_END, TAKES_A_MISSING_BYTE, UNWRAPS_UTF_8, first_of},
};

/// What any check may meet.
pub(super) fn diagnose(case: &Case) -> Option<String> {
    first_of(
        &[LOOP_DOES_NOT_END, UNWRAPS_UTF_8, TAKES_A_MISSING_BYTE],
        case,
    )
}

/// `parse` has returned something else than it must.
pub(super) fn of_parsing(
    bytes: &[u8],
    wanted: Option<&Packet>,
    got: Option<&Packet>,
) -> Option<String> {
    match (wanted, got) {
        (None, _) => fault(bytes).map(|(_, what)| what),
        (Some(wanted), None) => Some(of_a_refusal(bytes, wanted)),
        (Some(wanted), Some(got)) => of_another_packet(wanted, got),
    }
}

/// Which byte is meant: where the fault is, or where the first part begins that is different.
pub(super) fn offset(bytes: &[u8], wanted: Option<&Packet>, got: Option<&Packet>) -> Option<usize> {
    match (wanted, got) {
        (None, _) => fault(bytes).map(|(at, _)| at),
        (Some(_), None) => None,
        (Some(wanted), Some(got)) => Some(first_difference(wanted, got)),
    }
}

/// Why these bytes are not a packet, and at which byte that shows.
fn fault(bytes: &[u8]) -> Option<(usize, String)> {
    let (opcode, rest) = match bytes {
        [high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        _ => {
            let what = "The datagram is shorter than an opcode, which has two bytes. Return None.";
            return Some((bytes.len(), what.to_owned()));
        }
    };
    let (at, what) = match opcode {
        1 | 2 => return fault_of_strings(rest, true),
        6 => return fault_of_strings(rest, false),
        3..=5 if rest.len() < 2 => (
            bytes.len(),
            "The datagram ends before the number is complete: it has two bytes. Return None.",
        ),
        4 => (
            4,
            "An ACK is four bytes: its opcode and its number. With more bytes it is not an ACK: \
             return None.",
        ),
        _ => {
            let what = format!(
                "The opcode is {opcode}: both bytes count, the more significant first. Only 1 to 6 \
                 are packets. Return None for all others."
            );
            return Some((0, what));
        }
    };
    Some((at, what.to_owned()))
}

/// What is wrong with strings, each with its NUL: a file and a mode in a request, then pairs.
fn fault_of_strings(mut rest: &[u8], in_a_request: bool) -> Option<(usize, String)> {
    let (mut at, mut count) = (2, 0);
    while !rest.is_empty() {
        let Some(end) = rest.iter().position(|byte| *byte == 0) else {
            let what = "The last string has no NUL: the datagram was cut. The file, or the option, \
                        may have been another one. Return None.";
            return Some((at + rest.len(), what.to_owned()));
        };
        if let Err(error) = str::from_utf8(&rest[..end]) {
            let what = "This byte is not UTF-8. If your code replaces it (`from_utf8_lossy`), or \
                        reads each byte as a letter, the string is another one. Return None \
                        when `str::from_utf8` fails.";
            return Some((at + error.valid_up_to(), what.to_owned()));
        }
        at += end + 1;
        rest = &rest[end + 1..];
        count += 1;
    }
    let what = match count {
        0 | 1 if in_a_request => {
            "A request has a file and a mode, each with its NUL. Here the datagram was cut before \
             that. Return None."
        }
        _ => {
            "An option is a name and a value, each with its NUL. The last name here has no value. \
             Do not invent one, and do not ignore the name: return None."
        }
    };
    Some((at, what.to_owned()))
}

/// `write` has returned other bytes, which are right up to this one.
pub(super) fn of_writing(packet: &Packet, wanted: &[u8], got: &[u8], at: usize) -> Option<String> {
    let is_swapped = |at: usize| match (wanted.get(at..at + 2), got.get(at..at + 2)) {
        (Some([a, b]), Some([c, d])) => (a, b) == (d, c) && a != b,
        _ => false,
    };
    let is_numbered = !matches!(packet, Packet::Request { .. } | Packet::OptionAck(_));
    let what = if is_swapped(0) || is_numbered && is_swapped(2) && at < 4 {
        "The two bytes of a number are swapped. The more significant one goes first, in the opcode \
         too: use `to_be_bytes`."
    } else if at < 2 {
        "The opcode is wrong. It has two bytes: 1 RRQ, 2 WRQ, 3 DATA, 4 ACK, 5 ERROR, 6 OACK."
    } else if is_numbered && at < 4 {
        "The number after the opcode is wrong. It has two bytes, the more significant first."
    } else if matches!(packet, Packet::Data { .. }) {
        "After the opcode and the number stand the bytes of the block, all of them and nothing \
         else. A block may have any length: do not cut it, and do not fill it up."
    } else if got.len() > wanted.len() && got.starts_with(wanted) {
        "Your code writes more bytes than the packet has. The receiver reads them as an option, or \
         as a part of one. Write nothing after the last NUL."
    } else if is_cut(wanted, got, at) {
        "Your code cuts a string. Write every string whole: a text may have any length."
    } else if wanted.get(at) == Some(&0) {
        "A NUL is missing. One ends each string, the last one too, and an empty one: the file, the \
         mode, each name and each value, and the text of an ERROR."
    } else if wanted.eq_ignore_ascii_case(got) {
        "Your code changes the case of letters. The receiver compares names with what it has sent: \
         write every letter as it is."
    } else if got.len() < wanted.len() && wanted.starts_with(got) {
        "The rest is missing. Options follow the mode, each a name and a value. Write all of them, \
         and every string whole."
    } else if is_in_another_order(packet, got) {
        "Your code writes the options in another order. Write them in the order of the list."
    } else if has_lost_a_letter(packet, got) {
        "A string with letters that are not ASCII is different. Strings are UTF-8: write the bytes \
         of `as_bytes`. A letter may have several, and `as u8` keeps a part of one."
    } else {
        "A string is different here. Write its bytes as they are, whole, then a NUL, in the order \
         of the packet's fields."
    };
    Some(what.to_owned())
}

/// Whether a string with letters that are not ASCII is not among what was written.
fn has_lost_a_letter(packet: &Packet, got: &[u8]) -> bool {
    let (mut strings, options) = match packet {
        Packet::Request {
            file,
            mode,
            options,
            ..
        } => (vec![file, mode], &options[..]),
        Packet::OptionAck(options) => (Vec::new(), &options[..]),
        Packet::Error { text, .. } => (vec![text], &[][..]),
        Packet::Data { .. } | Packet::Ack(_) => return false,
    };
    strings.extend(options.iter().flat_map(|(name, value)| [name, value]));
    let is_lost = |text: &&String| {
        let mut parts = got.windows(text.len().max(1));
        !text.is_ascii() && !parts.any(|part| part == text.as_bytes())
    };
    strings.iter().any(is_lost)
}

/// Whether the string at which the two begin to differ ends too early, and nothing else is
/// different.
fn is_cut(wanted: &[u8], got: &[u8], at: usize) -> bool {
    let end = |bytes: &[u8]| {
        bytes
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(bytes.len())
    };
    let (wanted, got) = (
        wanted.get(at..).unwrap_or_default(),
        got.get(at..).unwrap_or_default(),
    );
    got.first() == Some(&0) && end(wanted) > 0 && got == &wanted[end(wanted)..]
}

/// Whether the same strings were written in another order.
fn is_in_another_order(packet: &Packet, got: &[u8]) -> bool {
    let (Packet::Request { options, .. } | Packet::OptionAck(options)) = packet else {
        return false;
    };
    let sorted = |mut strings: Vec<Vec<u8>>| {
        strings.sort();
        strings
    };
    let mut fields: Vec<Vec<u8>> = got
        .get(2..)
        .unwrap_or_default()
        .split(|byte| *byte == 0)
        .map(<[u8]>::to_vec)
        .collect();
    fields.pop(); // what follows the last NUL
    let before = fields.len().saturating_sub(2 * options.len());
    let pairs = options.iter().flat_map(|(name, value)| [name, value]);
    let wanted = pairs.map(|string| string.as_bytes().to_vec()).collect();
    sorted(fields.split_off(before)) == sorted(wanted)
}
