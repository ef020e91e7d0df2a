//! The wire of Go's `net/rpc/jsonrpc`: JSON-RPC 1.0, a JSON object a line.
//!
//! Only the codec: it turns bytes into calls and answers into bytes, and does no I/O beyond the
//! reader it is given. Lines, because TCP has no messages (lesson `echo`); Go's own decoder finds
//! the end of an object by its braces, and takes lines too.

use std::{
    borrow::Cow,
    io::{self, BufRead, Read},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{ser::Formatter, value::RawValue};

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
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Request<'a> {
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    /// Any JSON value, sent back as it came. None or null is answered with null, as Go does.
    #[serde(borrow)]
    pub id: Option<&'a RawValue>,
}

impl<'a> Request<'a> {
    /// The request in a line. `None` if the line is not a JSON object: then nothing that follows on
    /// this connection can be trusted, and there is no id to answer by.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Request<'a>> {
        // serde would take an array for a struct, field by field.
        if line.trim_ascii_start().first() != Some(&b'{') {
            return None;
        }
        serde_json::from_slice(line).ok()
    }

    /// The method's name.
    ///
    /// # Errors
    /// The text of a JSON-RPC error: there is none, or it is not a string.
    pub fn method(&self) -> Result<Cow<'a, str>, String> {
        let method = self.method.ok_or("the request has no method")?;
        let text: Text =
            serde_json::from_str(method.get()).map_err(|error| format!("method: {error}"))?;
        Ok(text.0)
    }

    /// The argument: Go sends exactly one object, in an array. None, or
    /// null, is one whose fields are all empty.
    ///
    /// # Errors
    /// The text of a JSON-RPC error: no array, no object in it, or a field of another type.
    pub fn argument<T: Deserialize<'a> + Default>(&self) -> Result<T, String> {
        let params = self.params.ok_or("the request has no params")?;
        let array: Vec<&'a RawValue> =
            serde_json::from_str(params.get()).map_err(|error| format!("params: {error}"))?;
        let first = match array.first() {
            None => return Ok(T::default()),
            Some(first) if first.get() == "null" => return Ok(T::default()),
            Some(first) if !first.get().starts_with('{') => {
                return Err("params[0]: expected an object".to_owned());
            }
            Some(first) => first,
        };
        serde_json::from_str(first.get()).map_err(|error| format!("params[0]: {error}"))
    }
}

/// A string that is borrowed where it holds no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Appends an answer, newline included.
pub fn write_answer(
    out: &mut Vec<u8>,
    id: Option<&RawValue>,
    outcome: Result<impl Serialize, &str>,
) {
    #[derive(Serialize)]
    struct Answer<'a, T> {
        id: Option<&'a RawValue>,
        result: Option<T>,
        error: Option<&'a str>,
    }
    let (result, error) = match outcome {
        Ok(result) => (Some(result), None),
        Err(error) => (None, Some(error)),
    };
    write_message(out, &Answer { id, result, error });
}

/// Appends a call, newline included.
pub fn write_call(out: &mut Vec<u8>, method: &str, argument: impl Serialize, id: u64) {
    #[derive(Serialize)]
    struct Call<'a, T> {
        method: &'a str,
        params: [T; 1],
        id: u64,
    }
    write_message(
        out,
        &Call {
            method,
            params: [argument],
            id,
        },
    );
}

/// The result in the answer to call `id`.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] for a line that is not an answer, or is the answer to another
/// call; `Other` with the server's text for a call that failed.
pub fn parse_answer<T: DeserializeOwned>(line: &[u8], id: u64) -> io::Result<T> {
    #[derive(Deserialize)]
    struct Answer<'a, T> {
        id: Option<u64>,
        result: Option<T>,
        #[serde(borrow)]
        error: Option<Cow<'a, str>>,
    }
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let answer: Answer<T> =
        serde_json::from_slice(line).map_err(|error| invalid(format!("not an answer: {error}")))?;
    if answer.id != Some(id) {
        return Err(invalid(format!(
            "call {id} got the answer to call {:?}",
            answer.id
        )));
    }
    match (answer.error, answer.result) {
        (Some(error), _) => Err(io::Error::other(error.into_owned())),
        (None, Some(result)) => Ok(result),
        (None, None) => Err(invalid(
            "an answer with neither result nor error".to_owned(),
        )),
    }
}

fn write_message(out: &mut Vec<u8>, message: &impl Serialize) {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, AsGo);
    message
        .serialize(&mut serializer)
        .expect("a Vec takes every byte, and the messages have no map keys to refuse");
    out.push(b'\n');
}

/// Escapes what Go's encoding/json escapes beyond need: `<`, `>`, `&` and the line separators
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
}

#[cfg(test)]
mod tests;
