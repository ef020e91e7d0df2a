//! What can have gone wrong, from the bytes, what they are, and what they were taken for.

mod otherwise;

use self::otherwise::{parting, taken_for_another};
use super::{Options, Packet};
use crate::exam::{Case, Stuck, problems};

/// What any check may meet.
pub(super) fn likely(case: &Case) -> Option<String> {
    let has = |words: &[&str]| {
        let has = |message: &str| words.iter().any(|word| message.contains(word));
        problems().iter().any(|problem| has(&problem.message))
    };
    let what = if matches!(case.stuck, Some(Stuck::Spin(..))) {
        "All bytes are there, and there is nothing to wait for: this is a loop that does not end. Each turn \
         must take something from what is left, or return."
    } else if !case.panicked {
        return None;
    } else if has(&["Utf8Error"]) {
        "A string that is not UTF-8 makes `from_utf8` return an Err, and `unwrap` panics then. Such a \
         datagram is no packet: return None."
    } else if has(&["index", "on a `None` value", "mid > len"]) {
        "A datagram is whatever somebody sends: it may be shorter than your code expects. An index or a \
         slice beyond its end panics, as does `unwrap` of None. `get` and `split_first_chunk` return None \
         instead, and `?` hands that on."
    } else {
        return None;
    };
    Some(what.to_owned())
}

/// `parse` has given something else.
pub(super) fn of_reading(
    bytes: &[u8],
    wanted: Option<&Packet>,
    got: Option<&Packet>,
) -> Option<String> {
    match (wanted, got) {
        (None, _) => trouble(bytes).map(|(_, what)| what),
        (Some(wanted), None) => Some(refused(bytes, wanted)),
        (Some(wanted), Some(got)) => taken_for_another(wanted, got),
    }
}

/// Which byte is meant: where the trouble is, or where the first part begins that was read otherwise.
pub(super) fn offset(bytes: &[u8], wanted: Option<&Packet>, got: Option<&Packet>) -> Option<usize> {
    match (wanted, got) {
        (None, _) => trouble(bytes).map(|(at, _)| at),
        (Some(_), None) => None,
        (Some(wanted), Some(got)) => Some(parting(wanted, got)),
    }
}

/// Why these bytes are no packet, and where that shows.
fn trouble(bytes: &[u8]) -> Option<(usize, String)> {
    let (opcode, rest) = match bytes {
        [high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        _ => return Some((bytes.len(), "An opcode has two bytes.".to_owned())),
    };
    let what = match opcode {
        1 | 2 => return strings(rest, 2, true),
        6 => return strings(rest, 2, false),
        3..=5 if rest.len() < 2 => (
            bytes.len(),
            "The number behind the opcode has two bytes, and they are not all there.".to_owned(),
        ),
        4 => (
            4,
            "An ACK is its opcode and a number, and nothing more: four bytes.".to_owned(),
        ),
        _ => (
            0,
            format!(
                "The opcode is both bytes, the more significant first: {opcode}. There are packets for 1 \
                 to 6, and for no other."
            ),
        ),
    };
    Some(what)
}

/// What is wrong with strings, each ended by a NUL: a name and a mode in a request, then pairs.
fn strings(mut rest: &[u8], mut at: usize, in_a_request: bool) -> Option<(usize, String)> {
    let mut count = 0;
    while !rest.is_empty() {
        let Some(end) = rest.iter().position(|byte| *byte == 0) else {
            let what = "A string goes to its NUL, and here the datagram ends before there is one. It has \
                        been cut: the file, or the option, may be another than was meant.";
            return Some((at + rest.len(), what.to_owned()));
        };
        if let Err(error) = str::from_utf8(&rest[..end]) {
            let what = "This is not UTF-8. To replace it (`from_utf8_lossy`), or to take each byte for a \
                        letter, makes another name of it: that is another file's, or nobody's.";
            return Some((at + error.valid_up_to(), what.to_owned()));
        }
        at += end + 1;
        rest = &rest[end + 1..];
        count += 1;
    }
    let what = match count {
        0 | 1 if in_a_request => {
            "A request is a name and a mode, each with its NUL; here the bytes end \
                                  before that."
        }
        _ => {
            "An option is a name *and* a value, each with its NUL: nothing may be made up for a value that \
              is not there."
        }
    };
    Some((at, what.to_owned()))
}

/// Why this packet, which is one, may have been refused.
fn refused(bytes: &[u8], wanted: &Packet) -> String {
    let opcode = bytes.get(1).copied().unwrap_or_default();
    let reasons = match wanted {
        Packet::Data { bytes, .. } if bytes.is_empty() => vec![
            "A block without bytes is the end of a file whose length is a multiple of the block's: it is \
             a packet like any other, of four bytes.",
        ],
        Packet::Error { .. } if !bytes[4.min(bytes.len())..].contains(&0) => vec![
            "An ERROR's text is for people only. If its NUL is missing it goes to the end of the datagram. \
             A program that drops such an ERROR waits for a peer that has gone.",
        ],
        Packet::Error { .. } => vec![
            "An ERROR ends the transfer, whatever its number and its text. A program that drops it waits \
             for a peer that has gone.",
        ],
        Packet::OptionAck(options) if options.is_empty() => {
            vec![
                "An OACK is its opcode and then options, as many as there are: none is a number, too.",
            ]
        }
        Packet::Request {
            file,
            mode,
            options,
            ..
        } => reasons(&[file, mode], options),
        Packet::OptionAck(options) => reasons(&[], options),
        _ => Vec::new(),
    };
    match reasons[..] {
        [] => format!(
            "The opcode, two bytes with the more significant first, is {opcode}. All that belongs to such a \
             packet is there, and nothing more."
        ),
        _ => reasons.join(" If that is not it: "),
    }
}

/// What such a packet has that is often not thought of: a name and a mode, if it is a request, and options.
fn reasons(name_and_mode: &[&String], options: &Options) -> Vec<&'static str> {
    let pairs = options.iter().flat_map(|(name, value)| [name, value]);
    let strings: Vec<&String> = name_and_mode.iter().copied().chain(pairs).collect();
    let is_unknown = |mode: &&String| !matches!(mode.as_str(), "octet" | "netascii");
    let all = [
        (
            name_and_mode.get(1).is_some_and(is_unknown),
            "`parse` says what the packet says. Letters may be of either case, and whether there is such a \
             mode is for others to decide: they would have to answer with an ERROR.",
        ),
        (
            strings.iter().any(|string| !string.is_ascii()),
            "UTF-8 has more letters than ASCII. `str::from_utf8` takes them all, and refuses what is none.",
        ),
        (
            strings.iter().any(|string| string.is_empty()),
            "A string may be empty: then its NUL stands alone.",
        ),
        (
            !name_and_mode.is_empty() && options.is_empty(),
            "Behind the opcode, a number of two bytes, the more significant first, stand a name and a mode, \
             each with its NUL. Options may follow, and need not.",
        ),
    ];
    let there = all.into_iter().filter(|(is, _)| *is);
    there.map(|(_, reason)| reason).collect()
}

/// `write` has given other bytes, from this one on.
pub(super) fn of_writing(packet: &Packet, wanted: &[u8], got: &[u8], at: usize) -> Option<String> {
    let is_swapped = |at: usize| match (wanted.get(at..at + 2), got.get(at..at + 2)) {
        (Some([a, b]), Some([c, d])) => (a, b) == (d, c) && a != b,
        _ => false,
    };
    let is_numbered = !matches!(packet, Packet::Request { .. } | Packet::OptionAck(_));
    let what = if is_swapped(0) || is_numbered && is_swapped(2) && at < 4 {
        "The more significant byte goes first, in the opcode as in every number: `to_be_bytes`."
    } else if at < 2 {
        "The opcode says which packet it is: 1 RRQ, 2 WRQ, 3 DATA, 4 ACK, 5 ERROR, 6 OACK. It has two \
         bytes."
    } else if is_numbered && at < 4 {
        "Behind the opcode stands the number, in two bytes, the more significant first."
    } else if matches!(packet, Packet::Data { .. }) {
        "Behind the opcode and the number stand the block's bytes and nothing else, however few they are."
    } else if got.len() > wanted.len() && got.starts_with(wanted) {
        "There are more bytes than the packet has. Each would be taken for something: an option, or a part \
         of one."
    } else if wanted.get(at) == Some(&0) {
        "A NUL ends each string: the file, the mode, each name and each value, and an ERROR's text. The \
         last one, too."
    } else if wanted.eq_ignore_ascii_case(got) {
        "The letters are another's: a server has to give an option's name back as it came."
    } else if got.len() < wanted.len() && wanted.starts_with(got) {
        "The rest is missing: options follow the mode, each a name and a value."
    } else {
        "Strings are written byte for byte, in the order in which they stand in the packet."
    };
    Some(what.to_owned())
}
