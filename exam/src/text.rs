//! Bytes as people read them: text in quotes, with other bytes escaped, and a mark under the
//! byte that is meant.

/// Longer texts are cut, by their length on the screen.
const SHOWN: usize = 60;

/// `"hello\r\n"`, or the beginning of it and its length.
#[must_use]
pub fn quote(bytes: &[u8]) -> String {
    let (text, shown) = escape(bytes.iter(), SHOWN);
    if shown == bytes.len() {
        return format!("\"{text}\"");
    }
    let (start, _) = escape(bytes.iter(), SHOWN / 2);
    format!("\"{start}…\" ({} bytes)", bytes.len())
}

/// How many bytes stand in a line of [`dump`], and its most lines.
const COLUMNS: usize = 16;
const LINES: usize = 6;

/// Bytes in hexadecimal and as text, sixteen a line after the offset of
/// the first, with a mark under the one that is meant. The mark may stand
/// after the last byte. Of many lines, those around the mark.
#[must_use]
pub fn dump(bytes: &[u8], at: Option<usize>) -> String {
    let marked = at.map(|at| at / COLUMNS);
    let lines = (bytes.len() / COLUMNS + 1).max(1);
    let first = marked.map_or(0, |line| line.saturating_sub(LINES / 2));
    let first = first.min(lines.saturating_sub(LINES));
    let mut text = Vec::new();
    for line in first..lines.min(first + LINES) {
        let offset = line * COLUMNS;
        let row = &bytes[offset..bytes.len().min(offset + COLUMNS)];
        let printable = |byte: &u8| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        };
        let hex: String = row.iter().map(|byte| format!("{byte:02x} ")).collect();
        let shown: String = row.iter().map(printable).collect();
        if !row.is_empty() {
            text.push(format!(" {offset:>5}  {hex:<48}  {shown}"));
        }
        if let Some(at) = at.filter(|_| marked == Some(line)) {
            text.push(format!("{}^^ byte {at}", " ".repeat(8 + 3 * (at - offset))));
        }
    }
    if lines > LINES {
        text.push(format!("        ({} bytes in all)", bytes.len()));
    }
    text.join("\n")
}

/// Two lines: the bytes around one of them, and a mark under it with its offset.
pub(super) fn mark(bytes: &[u8], at: usize) -> String {
    let (_, earlier) = escape(bytes[..at].iter().rev(), SHOWN / 2);
    let before = bytes[at - earlier..at].escape_ascii().to_string();
    let (after, ahead) = escape(bytes[at..].iter(), SHOWN / 2);
    let cut = if earlier < at { "…" } else { "" };
    let rest = if at + ahead < bytes.len() { "…" } else { "" };
    let indent = " ".repeat(1 + cut.chars().count() + before.len());
    format!("\"{cut}{before}{after}{rest}\"\n{indent}^ byte {at}")
}

/// As many bytes, escaped, as have room, and how many these are.
fn escape<'a>(bytes: impl Iterator<Item = &'a u8>, room: usize) -> (String, usize) {
    let (mut text, mut count) = (String::new(), 0);
    for byte in bytes {
        let escaped = byte.escape_ascii().to_string();
        if text.len() + escaped.len() > room {
            break;
        }
        text += &escaped;
        count += 1;
    }
    (text, count)
}

/// Where two texts part: the first offset at which they differ or one of them ends.
pub(super) fn parting(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// `len` bytes in which every eight are their offset as text, so that
/// missing or doubled bytes show.
#[must_use]
pub fn numbered(len: usize) -> Vec<u8> {
    let offsets = (0..len).step_by(8);
    offsets
        .flat_map(|at| format!("{at:07} ").into_bytes())
        .take(len)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{dump, mark, numbered, parting, quote};

    #[test]
    fn numbers_exactly_as_many_bytes_as_asked_for() {
        assert_eq!(numbered(0), b"");
        assert_eq!(numbered(3), b"000");
        assert_eq!(numbered(17), b"0000000 0000008 0");
    }

    #[test]
    fn quotes_what_is_no_text_and_cuts_what_is_long() {
        assert_eq!(quote(b"a\"\n\0"), r#""a\"\n\x00""#);
        assert_eq!(
            quote(&[b'x'; 100]),
            format!("\"{}…\" (100 bytes)", "x".repeat(30))
        );
    }

    #[test]
    fn marks_a_byte_in_its_surroundings() {
        assert_eq!(mark(b"hello", 4), "\"hello\"\n     ^ byte 4");
        assert_eq!(mark(b"\nx", 1), "\"\\nx\"\n   ^ byte 1");
        assert_eq!(mark(b"hi", 2), "\"hi\"\n   ^ byte 2");
        let long = mark(&[b'x'; 200], 100);
        assert_eq!(
            long,
            format!("\"…{}…\"\n{}^ byte 100", "x".repeat(60), " ".repeat(32))
        );
    }

    #[test]
    fn dumps_bytes_with_a_mark_under_the_one_that_is_meant() {
        let text = dump(b"\0\x01file\0octet\0", Some(6));
        let hex = "00 01 66 69 6c 65 00 6f 63 74 65 74 00";
        assert_eq!(
            text,
            format!(
                "     0  {hex:<48}  ..file.octet.\n{}^^ byte 6",
                " ".repeat(26)
            )
        );
        assert_eq!(dump(b"", Some(0)), "        ^^ byte 0");
        let after = dump(&[7; 16], Some(16));
        assert!(after.ends_with("\n        ^^ byte 16"), "{after}");
        let long = dump(&[7; 1000], Some(500));
        assert!(
            long.contains("^^ byte 500\n") && long.ends_with("(1000 bytes in all)"),
            "{long}"
        );
        assert_eq!(long.lines().count(), 8);
    }

    #[test]
    fn finds_where_texts_part() {
        assert_eq!(parting(b"hello", b"help"), 3);
        assert_eq!(parting(b"he", b"hello"), 2);
    }
}
