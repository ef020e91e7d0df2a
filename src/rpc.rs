//! The wire of Go's `net/rpc/jsonrpc`: JSON-RPC 1.0, a JSON object a line.
//!
//! Only the codec: it turns bytes into calls and answers into bytes, and does no I/O beyond the
//! reader it is given. Objects are read as Go reads them ([`object`]). `tests/go-jsonrpc.txt` has
//! requests with the answers of Go's server. Our answers are the same but for these differences,
//! which are intended:
//!
//! - A request is a line, because TCP has no messages (lesson `echo`). Go finds the end of an
//!   object by its braces. It also takes several objects on a line, and one on several lines.
//! - The text of an error is our own. An `id` that is not UTF-8 comes back repaired. An answer for a
//!   missing key has `"Found":false`, which Go's client ignores.
//! - A method that is not a string is answered with an error. Go closes the connection.
//! - Arrays in unknown fields may be nested in any depth. Go closes the connection at 10 001.

pub mod object;

use std::{
    borrow::Cow,
    io::{self, BufRead, Read},
};

use serde_core::Serialize;
use serde_json::{
    ser::{CharEscape, CompactFormatter, Formatter},
    value::RawValue,
};

use self::object::{FromObject, WHITESPACE, from_object, kind, means, string};

/// The longest request in bytes, without its newline.
pub const MAX_REQUEST: usize = 64 << 10;

/// The longest answer in bytes. JSON can need six for one that came as one (`\u003c` for `<`).
pub const MAX_ANSWER: usize = 8 * MAX_REQUEST;

/// How [`read_line`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// A whole line is in the buffer, without its newline.
    Whole,
    /// End of file where a line could have begun: the peer has said all it wanted.
    EndOfFile,
    /// End of file in the middle of a line: what there is of it is in the buffer.
    Cut,
    /// Longer than allowed: the rest has not been read, and where it ends is not known.
    TooLong,
}

/// Reads one line of at most `max` bytes, in place of what `line` held. Allocates no more than
/// about twice that, whatever is sent.
///
/// # Errors
/// What the reader fails with.
pub fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>, max: usize) -> io::Result<Line> {
    line.clear();
    reader.take(max as u64 + 1).read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Line::Whole);
    }
    Ok(match line.len() {
        0 => Line::EndOfFile,
        n if n > max => Line::TooLong,
        _ => Line::Cut,
    })
}

/// A request as the server sees it, borrowing from its line. Any part may be missing: what is
/// there is answered by its `id`.
#[derive(Debug)]
pub struct Request<'a> {
    method: Result<Cow<'a, str>, String>,
    params: Option<&'a RawValue>,
    /// Any JSON value, sent back. None, for null too, is answered with null, as Go does.
    pub id: Option<&'a RawValue>,
}

impl Default for Request<'_> {
    fn default() -> Self {
        Request {
            method: Ok(Cow::Borrowed("")),
            params: None,
            id: None,
        }
    }
}

impl<'a> FromObject<'a> for Request<'a> {
    fn take(&mut self, name: &str, value: &'a RawValue) -> Result<(), String> {
        if means(name, "method") && self.method.is_ok() {
            match string(value) {
                Ok(None) => {}
                Ok(Some(method)) => self.method = Ok(method),
                Err(error) => self.method = Err(format!("method: {error}")),
            }
        } else if means(name, "params") {
            self.params = unless_null(value);
        } else if means(name, "id") {
            self.id = unless_null(value);
        }
        Ok(())
    }
}

/// A value that is kept as it stands: null, unlike in a string's field, takes it away.
fn unless_null(value: &RawValue) -> Option<&RawValue> {
    (value.get() != "null").then_some(value)
}

impl<'a> Request<'a> {
    /// The request in a line. `None` if the line is neither a JSON object nor null: then nothing
    /// that follows on this connection can be trusted, and there is no id to answer by.
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Request<'a>> {
        from_object(line).ok()
    }

    /// The method's name. Empty if there is none.
    ///
    /// # Errors
    /// The text of a JSON-RPC error: it is not a string.
    pub fn method(&self) -> Result<&str, String> {
        self.method.as_deref().map_err(Clone::clone)
    }

    /// The argument: Go sends exactly one object, in an array. None, or
    /// null, is one whose fields are all empty. Further ones are ignored.
    ///
    /// # Errors
    /// The text of a JSON-RPC error: no array, no object in it, or a field of another type.
    pub fn argument<T: FromObject<'a>>(&self) -> Result<T, String> {
        let params = self.params.ok_or("the request has no params")?.get();
        if !params.starts_with('[') {
            return Err(format!("params: expected an array, found {}", kind(params)));
        }
        let array: Vec<&'a RawValue> =
            serde_json::from_str(params).map_err(|error| format!("params: {error}"))?;
        match array.first() {
            None => Ok(T::default()),
            Some(first) => from_object(first.get()).map_err(|error| format!("params[0]: {error}")),
        }
    }
}

/// Appends an answer, newline included.
pub fn write_answer(
    out: &mut Vec<u8>,
    id: Option<&RawValue>,
    outcome: Result<impl Serialize, &str>,
) {
    let (result, error) = match outcome {
        Ok(result) => (Some(result), None),
        Err(error) => (None, Some(error)),
    };
    write_part(out, "{\"id\":", &id);
    write_part(out, ",\"result\":", &result);
    write_part(out, ",\"error\":", &error);
    out.extend(b"}\n");
}

/// Appends a call, newline included.
pub fn write_call(out: &mut Vec<u8>, method: &str, argument: impl Serialize, id: u64) {
    write_part(out, "{\"method\":", &method);
    write_part(out, ",\"params\":[", &argument);
    write_part(out, "],\"id\":", &id);
    out.extend(b"}\n");
}

/// Appends what stands before a value, and the value.
fn write_part(out: &mut Vec<u8>, before: &str, value: &impl Serialize) {
    out.extend(before.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(out, AsGo);
    value
        .serialize(&mut serializer)
        .expect("a Vec takes every byte, and the names in objects are strings");
}

/// An answer as the client sees it.
#[derive(Default)]
struct Answer<'a> {
    id: u64,
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
}

impl<'a> FromObject<'a> for Answer<'a> {
    fn take(&mut self, name: &str, value: &'a RawValue) -> Result<(), String> {
        if means(name, "result") {
            self.result = unless_null(value);
        } else if means(name, "error") {
            self.error = unless_null(value);
        } else if means(name, "id") && value.get() != "null" {
            self.id = serde_json::from_str(value.get()).map_err(|error| format!("id: {error}"))?;
        }
        Ok(())
    }
}

/// The result in the answer to call `id`.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] for a line that is not an answer, or is the answer to another
/// call; `Other` with the server's text for a call that failed.
pub fn parse_answer<T: for<'a> FromObject<'a>>(line: &[u8], id: u64) -> io::Result<T> {
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let line = object::text(line);
    let answer: Answer =
        from_object(&line).map_err(|error| invalid(format!("not an answer: {error}")))?;
    if answer.id != id {
        return Err(invalid(format!(
            "call {id} got the answer to call {}",
            answer.id
        )));
    }
    if let Some(error) = answer.error {
        let text = string(error).map_err(|error| invalid(format!("error: {error}")))?;
        return Err(io::Error::other(match text.unwrap_or_default() {
            text if text.is_empty() => "unspecified error".to_owned(), // as Go's client has it
            text => text.into_owned(),
        }));
    }
    let result = answer
        .result
        .ok_or_else(|| invalid("an answer with neither result nor error".to_owned()))?;
    from_object(result.get()).map_err(|error| invalid(format!("result: {error}")))
}

/// Writes as Go's encoding/json does, beyond need: it escapes `<`, `>`, `&` and the line separators
/// U+2028 and U+2029, so that the text is safe inside HTML and JavaScript.
struct AsGo;

impl Formatter for AsGo {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, special) = rest.split_at(at);
            let mut characters = special.chars();
            let character = characters.next().map_or(0, u32::from);
            write!(writer, "{plain}\\u{character:04x}")?;
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    /// Go 1.19 has no short form of these two.
    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        match escape {
            CharEscape::Backspace => writer.write_all(b"\\u0008"),
            CharEscape::FormFeed => writer.write_all(b"\\u000c"),
            other => CompactFormatter.write_char_escape(writer, other),
        }
    }

    /// An id that is sent back: without the spaces between its parts.
    fn write_raw_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut compact = String::with_capacity(fragment.len());
        let (mut in_string, mut escaped) = (false, false);
        for character in fragment.chars() {
            if character == '"' && !escaped {
                in_string = !in_string;
            }
            escaped = character == '\\' && !escaped;
            if in_string || !WHITESPACE.contains(&character) {
                compact.push(character);
            }
        }
        self.write_string_fragment(writer, &compact)
    }
}

#[cfg(test)]
mod tests;
