//! Bytes as people read them: text in quotes, with what is no text escaped, and a mark under the
//! byte that is meant.

/// Longer texts are cut.
const SHOWN: usize = 60;

/// `"hello\r\n"`, or the beginning of it and its length.
#[must_use]
pub fn quote(bytes: &[u8]) -> String {
    if bytes.len() <= SHOWN {
        return format!("\"{}\"", bytes.escape_ascii());
    }
    let start = bytes[..SHOWN / 2].escape_ascii();
    format!("\"{start}…\" ({} bytes)", bytes.len())
}

/// Two lines: the bytes around one of them, and a mark under it with its offset.
pub(super) fn mark(bytes: &[u8], at: usize) -> String {
    let (from, to) = (
        at.saturating_sub(SHOWN / 3),
        (at + SHOWN / 3).min(bytes.len()),
    );
    let before = bytes[from..at].escape_ascii().to_string();
    let after = bytes[at..to].escape_ascii();
    let (cut, rest) = (
        if from > 0 { "…" } else { "" },
        if to < bytes.len() { "…" } else { "" },
    );
    let indent = " ".repeat(1 + cut.chars().count() + before.chars().count());
    format!("\"{cut}{before}{after}{rest}\"\n{indent}^ byte {at}")
}

/// Where two texts part: the first offset at which they differ or one of them ends.
pub(super) fn parting(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::{mark, parting, quote};

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
            format!("\"…{}…\"\n{}^ byte 100", "x".repeat(40), " ".repeat(22))
        );
    }

    #[test]
    fn finds_where_texts_part() {
        assert_eq!(parting(b"hello", b"help"), 3);
        assert_eq!(parting(b"he", b"hello"), 2);
    }
}
