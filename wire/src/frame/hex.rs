//! Bytes as people write them: two hexadecimal digits each.

/// The bytes of a text like `45 00 00 53`: between two bytes there may be spaces, line breaks or
/// colons.
///
/// # Errors
/// Something is not a hexadecimal digit, or a byte has only one digit.
pub fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let words = text.split(|c: char| c.is_whitespace() || c == ':');
    let mut bytes = Vec::new();
    for word in words {
        if let Some(c) = word.chars().find(|c| !c.is_ascii_hexdigit()) {
            return Err(format!(
                "`{}` is not a hexadecimal digit",
                c.escape_default()
            ));
        }
        for pair in word.as_bytes().chunks(2) {
            let digit = |c: u8| char::from(c).to_digit(16).unwrap_or_default() as u8;
            let &[high, low] = pair else {
                let nth = bytes.len() + 1;
                return Err(format!("byte {nth} has one digit; each takes two"));
            };
            bytes.push(digit(high) << 4 | digit(low));
        }
    }
    Ok(bytes)
}

/// Frames as they are kept in files: a line with a name, a line with the bytes in hex. Empty lines,
/// and those that begin with `#`, are nothing.
///
/// # Errors
/// The bytes of one of them are not; the error says whose.
pub fn named_frames(text: &str) -> Result<Vec<(&str, Vec<u8>)>, String> {
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lines: Vec<&str> = lines.collect();
    let frame = |pair: &[&'_ str]| from_hex(pair.get(1).unwrap_or(&""));
    lines
        .chunks(2)
        .map(|pair| match frame(pair) {
            Ok(bytes) => Ok((pair[0], bytes)),
            Err(error) => Err(format!("frame `{}`: {error}", pair[0])),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{from_hex, named_frames};

    #[test]
    fn a_frame_is_a_name_and_a_line_of_hex() {
        let text = "# about\n\none\n01 02\n\ntwo\nff\n";
        assert_eq!(
            named_frames(text),
            Ok(vec![("one", vec![1, 2]), ("two", vec![0xff])])
        );
        assert!(named_frames("one\n0 1\n").unwrap_err().contains("`one`"));
    }

    #[test]
    fn a_byte_is_two_digits() {
        assert_eq!(
            from_hex(" 4500\n00:53 Ff\n"),
            Ok(vec![0x45, 0, 0, 0x53, 0xff])
        );
        assert_eq!(from_hex(""), Ok(Vec::new()));
        for wrong in ["4 5", "0:5", "45 0", "0x45", "45 gg", "ü"] {
            assert!(from_hex(wrong).is_err(), "{wrong}");
        }
    }
}
