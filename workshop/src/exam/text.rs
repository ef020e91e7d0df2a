//! Bytes as people read them: text in quotes, with what is no text escaped, and a mark under the
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

/// Two lines: the bytes around one of them, and a mark under it with its offset.
pub(super) fn mark(bytes: &[u8], at: usize) -> String {
    let (_, behind) = escape(bytes[..at].iter().rev(), SHOWN / 2);
    let before = bytes[at - behind..at].escape_ascii().to_string();
    let (after, ahead) = escape(bytes[at..].iter(), SHOWN / 2);
    let cut = if behind < at { "…" } else { "" };
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

/// So many bytes, of which each eight are their own offset: what is missing or doubled shows at once.
#[must_use]
pub fn numbered(len: usize) -> Vec<u8> {
    let offsets = (0..len).step_by(8);
    offsets
        .flat_map(|at| format!("{at:07} ").into_bytes())
        .collect()
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
            format!("\"…{}…\"\n{}^ byte 100", "x".repeat(60), " ".repeat(32))
        );
    }

    #[test]
    fn finds_where_texts_part() {
        assert_eq!(parting(b"hello", b"help"), 3);
        assert_eq!(parting(b"he", b"hello"), 2);
    }
}
