//! Calls of the answer, the bytes that it is given, and what it must return for them.

use wire::frame::{named_frames, options};
use wire::segment::Flags;

use super::{Checksum, Header, ParseTcp, cause};
use crate::exam::{Because, CheckError, Exam, Verdict};

/// Where IPv4 and TCP begin in a recorded frame. None has IP options.
const IP: usize = 14;
const TCP: usize = 34;

/// The segment of a recorded frame.
pub(super) fn recorded(name: &str) -> Verdict<Vec<u8>> {
    Ok(frame(name)?[TCP..].to_vec())
}

/// The same after its pseudo-header (RFC 9293, 3.1).
pub(super) fn with_pseudo_header(name: &str) -> Verdict<Vec<u8>> {
    let frame = frame(name)?;
    let (addresses, segment) = (&frame[IP + 12..TCP], &frame[TCP..]);
    let [high, low] = (segment.len() as u16).to_be_bytes();
    Ok([addresses, &[0, 6, high, low], segment].concat())
}

fn frame(name: &str) -> Verdict<Vec<u8>> {
    let frames = named_frames(include_str!("frames.txt")).unwrap_or_default();
    let found = frames.into_iter().find(|(other, _)| *other == name);
    let frame = found
        .map(|(_, bytes)| bytes)
        .filter(|bytes| bytes.len() >= TCP + 20);
    frame.ok_or_else(|| CheckError::skipped(format!("there is no recorded frame `{name}`")))
}

/// A header that was not recorded: its data offset in words, its options, and data.
pub(super) fn made_up(words: u8, options: &[u8], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![
        0x81, 0xd6, 0x20, 0x8a, 0x0d, 0xb4, 0xb9, 0xc0, 0x89, 0x28, 0x0c, 0x07,
    ];
    bytes.extend([words << 4, 0x18, 0x01, 0x02, 0xce, 0xb7, 0, 0]);
    bytes.extend(options);
    bytes.extend(data);
    bytes
}

/// What the answer must return for these bytes.
pub(super) fn right(bytes: &[u8]) -> Option<Header> {
    let number = |range: std::ops::Range<usize>| {
        let bytes = bytes.get(range).unwrap_or_default();
        bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte))
    };
    let fixed = bytes.get(..20)?;
    let header_len = 4 * usize::from(fixed[12] >> 4);
    let found = options(bytes.get(20..header_len)?).ok()?;
    Some(Header {
        source: number(0..2) as u16,
        destination: number(2..4) as u16,
        seq: number(4..8),
        ack: number(8..12),
        header_len,
        flags: Flags(number(13..14) as u8),
        window: number(14..16) as u16,
        checksum: number(16..18) as u16,
        urgent: number(18..20) as u16,
        options: found.into_iter().map(|(_, option)| option).collect(),
    })
}

/// Bytes for people: sixteen on a line, after their offset. Of many, the first lines.
pub(super) fn dump(bytes: &[u8]) -> String {
    lines(bytes, 6, "     ")
}

fn lines(bytes: &[u8], most: usize, indent: &str) -> String {
    let mut text = String::new();
    for (line, chunk) in bytes.chunks(16).take(most).enumerate() {
        let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!("\n{indent}{:>5}  {}", 16 * line, hex.join(" "));
    }
    if bytes.len() > 16 * most {
        text += &format!("\n{indent}       …");
    }
    text
}

/// `checksum` must return this.
pub(super) fn sums(
    exam: &Exam,
    checksum: Checksum,
    what: &str,
    bytes: &[u8],
    wanted: u16,
) -> Verdict {
    let length = bytes.len();
    exam.step(format!(
        "called `checksum` with {what}, {length} bytes:{}",
        dump(bytes)
    ));
    let given = bytes.to_vec();
    let answer = exam.start("checksum", move || checksum(&given))?;
    let got = answer
        .returns("for these bytes")
        .because(|case| cause::of_a_panicking_sum(bytes, case))?;
    let expected = format!("`checksum` to return {wanted:#06x}");
    exam.must(
        got == wanted,
        expected,
        format!("it has returned {got:#06x}"),
    )
    .because(|_| cause::of_a_sum(bytes, got))?;
    exam.step(format!("it returned {wanted:#06x}"));
    Ok(())
}

/// `parse_tcp` must return the header in these bytes, which is whole.
pub(super) fn reads(exam: &Exam, parse: ParseTcp, what: &str, bytes: &[u8]) -> Verdict {
    let length = bytes.len();
    exam.step(format!(
        "called `parse_tcp` with {what}, {length} bytes:{}",
        dump(bytes)
    ));
    let Some(wanted) = right(bytes) else {
        return Err(CheckError::skipped(format!("{what} is not whole")));
    };
    let given = bytes.to_vec();
    let answer = exam.start("parse_tcp", move || parse(&given))?;
    let got = answer
        .returns("for these bytes")
        .because(|case| cause::of_no_return(bytes, case))?;
    let Some(got) = got else {
        return exam
            .fail(
                "`parse_tcp` to return Some for a header that is whole",
                "it has returned None",
            )
            .because(|_| Some(cause::of_a_refusal(bytes, &wanted)));
    };
    for (name, place, wanted, got) in numbers(&wanted, &got) {
        let expected = format!("`{name}` to be {wanted} ({wanted:#x}): {place}");
        exam.must(
            got == wanted,
            expected,
            format!("it has returned {got} ({got:#x})"),
        )
        .because(|_| cause::of_a_number(bytes, name, wanted, got))?;
    }
    exam.must(
        got.options == wanted.options,
        format!("`options` to be {}", listed(&wanted.options)),
        format!("it has returned {}", listed(&got.options)),
    )
    .because(|_| Some(cause::of_options(bytes, &wanted, &got.options)))?;
    exam.step("it returned this header");
    Ok(())
}

/// `parse_tcp` must return `None`, for this reason.
pub(super) fn refuses(exam: &Exam, parse: ParseTcp, bytes: &[u8], because: &str) -> Verdict {
    let given = bytes.to_vec();
    let answer = exam.start("parse_tcp", move || parse(&given))?;
    let when = format!("when {because}:{}", lines(bytes, 4, ""));
    let got = answer
        .returns(&when)
        .because(|case| cause::of_no_return(bytes, case))?;
    exam.must(
        got.is_none(),
        format!("`parse_tcp` to return None {when}"),
        format!("it has returned {got:?}")
            .chars()
            .take(300)
            .collect::<String>(),
    )
    .caused_by(cause::of_no_refusal(bytes))
}

/// The fields that are numbers: name, place, right value, returned value.
fn numbers(wanted: &Header, got: &Header) -> [(&'static str, &'static str, u64, u64); 9] {
    let field =
        |name, place, number: fn(&Header) -> u64| (name, place, number(wanted), number(got));
    [
        field("source", "bytes 0 and 1", |header| header.source.into()),
        field("destination", "bytes 2 and 3", |header| {
            header.destination.into()
        }),
        field("seq", "bytes 4 to 7", |header| header.seq.into()),
        field("ack", "bytes 8 to 11", |header| header.ack.into()),
        field(
            "header_len",
            "the upper half of byte 12, in words of 4",
            |header| header.header_len as u64,
        ),
        field("flags", "byte 13", |header| header.flags.0.into()),
        field("window", "bytes 14 and 15", |header| header.window.into()),
        field("checksum", "bytes 16 and 17", |header| {
            header.checksum.into()
        }),
        field("urgent", "bytes 18 and 19", |header| header.urgent.into()),
    ]
}

fn listed(options: &[wire::segment::TcpOption]) -> String {
    match options {
        [] => "an empty list".to_owned(),
        _ => format!("{options:?}").chars().take(300).collect(),
    }
}
