//! JSON objects read as Go's encoding/json reads them into a struct (Go 1.19, `decode.go`).
//!
//! A name means a field if it is equal but for the case of its letters. Of a repeated field the
//! last value counts, null leaves a field as it is, and names without a field are ignored. Strings
//! that are not Unicode are repaired.

use std::{borrow::Cow, fmt};

use serde_core::{
    Deserialize,
    de::{Deserializer, Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// What may stand between the parts of JSON (RFC 8259, section 2).
pub const WHITESPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// A struct that is read from a JSON object.
pub trait FromObject<'a>: Default {
    /// Takes a member of the object. They come in the object's order, repeated ones too.
    ///
    /// # Errors
    /// A text: this value cannot be the field's.
    fn take(&mut self, name: &str, value: &'a RawValue) -> Result<(), String>;
}

/// Reads a struct from a JSON object. Null is an object without members.
///
/// # Errors
/// A text: this is not JSON, not an object, or a member cannot be the field's.
pub fn from_object<'a, T: FromObject<'a>>(json: &'a str) -> Result<T, String> {
    let json = json.trim_matches(WHITESPACE);
    let mut object = T::default();
    if json == "null" {
        return Ok(object);
    }
    if !json.starts_with('{') {
        return Err(format!("expected an object, found {}", kind(json)));
    }
    let mut outcome = Ok(());
    each_member(json, |name, value| {
        let taken = object.take(name, value);
        // The first error counts. The rest is read all the same, to see whether it is JSON.
        if outcome.is_ok() {
            outcome = taken;
        }
    })
    .map_err(|error| error.to_string())?;
    outcome.map(|()| object)
}

/// Whether a name in JSON means this field, whose name has ASCII letters only. Unicode folds two
/// other characters to ASCII letters: U+017F (long s) and U+212A (kelvin sign).
///
/// In Go an exactly equal name comes first. That matters only for a struct that has two fields
/// whose names differ in case.
#[must_use]
pub fn means(name: &str, field: &str) -> bool {
    let folded = |character| match character {
        '\u{17F}' => 's',
        '\u{212A}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    name.chars().map(folded).eq(field.chars().map(folded))
}

/// The text of a JSON string. `None` for null.
///
/// # Errors
/// A text: the value is neither.
pub fn string(value: &RawValue) -> Result<Option<Cow<'_, str>>, String> {
    let json = value.get();
    if json == "null" {
        return Ok(None);
    }
    let Some(text) = json
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    else {
        return Err(format!("expected a string, found {}", kind(json)));
    };
    if !text.contains('\\') {
        return Ok(Some(Cow::Borrowed(text))); // without escapes it stands for itself
    }
    match serde_json::from_str(json) {
        Ok(Text(text)) => Ok(Some(text)),
        Err(error) => Err(error.to_string()),
    }
}

/// What a JSON value is, by its first character, for the text of an error.
#[must_use]
pub fn kind(json: &str) -> &'static str {
    match json.bytes().next() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        Some(b'-' | b'0'..=b'9') => "a number",
        _ => "text that is not JSON",
    }
}

/// The text of bytes that should be UTF-8. As in Go, each byte that is not part of a character
/// becomes U+FFFD.
#[must_use]
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    repaired(bytes, |_| true)
}

/// Bytes as text, with U+FFFD for each byte outside UTF-8 that counts.
fn repaired(bytes: &[u8], counts: impl Fn(u8) -> bool) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        let damaged = chunk.invalid().iter().filter(|&&byte| counts(byte));
        text.extend(damaged.map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(text)
}

/// Calls `take` with the name and the value of each member of a JSON object.
fn each_member<'a>(json: &'a str, take: impl FnMut(&str, &'a RawValue)) -> serde_json::Result<()> {
    struct Members<F>(F);

    impl<'a, F: FnMut(&str, &'a RawValue)> Visitor<'a> for Members<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'a>>(mut self, mut members: A) -> Result<(), A::Error> {
            while let Some((Text(name), value)) = members.next_entry()? {
                (self.0)(&name, value);
            }
            Ok(())
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.deserialize_map(Members(take))?;
    deserializer.end()
}

/// A JSON string, borrowed where it has no escapes. As in Go, half a surrogate pair becomes U+FFFD.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
        struct AsText;

        impl<'de> Visitor<'de> for AsText {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Text<'de>, E> {
                Ok(Text(text(bytes)))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text<'de>, E> {
                // serde_json makes three bytes of half a pair: ED, and two that do not count.
                let text = repaired(bytes, |byte| byte == 0xED);
                Ok(Text(Cow::Owned(text.into_owned())))
            }
        }

        // `deserialize_str` refuses half a pair.
        deserializer.deserialize_bytes(AsText)
    }
}
