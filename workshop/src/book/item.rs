//! The items of a lesson, found by rustfmt's layout: an item ends at the first line that has its
//! indentation and closes what it has opened.

use std::ops::Range;

/// The words that may stand before an item's keyword.
const QUALIFIERS: [&str; 6] = [
    "pub",
    "pub(crate)",
    "pub(super)",
    "async",
    "default",
    "unsafe",
];

/// The keywords of items that have a name.
const KEYWORDS: [&str; 8] = [
    "fn", "const", "static", "struct", "enum", "trait", "type", "mod",
];

/// An item of a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its name; a method's or an associated item's begins with its type: `Cell::add`.
    pub name: String,
    /// Its lines, from 0, with doc comment and attributes.
    pub lines: Range<usize>,
    /// The line with its keyword, from 0.
    pub keyword: usize,
    /// Its text, without its indentation.
    pub text: Vec<&'a str>,
}

/// All items of a source file that have a name, in their order. Those of an `impl` or a `trait` are
/// among them.
#[must_use]
pub fn items(source: &str) -> Vec<Item<'_>> {
    let lines: Vec<&str> = source.lines().collect();
    let mut items = Vec::new();
    let mut owner: Option<(&str, usize)> = None; // its name, and the line at which it ends
    for (at, line) in lines.iter().enumerate() {
        owner = owner.filter(|(_, end)| at < *end);
        let indentation = indentation(line);
        if indentation > 0 && owner.is_none() {
            continue;
        }
        let of = owner.map(|(name, _)| name);
        if let Some(name) = name(line.trim_start()).filter(|_| indentation == 4 * of.iter().len()) {
            let name = of.map_or(name.to_owned(), |of| format!("{of}::{name}"));
            let end = end(&lines, at) + 1;
            let from = above(&lines, at);
            let text = lines[from..end].iter();
            items.push(Item {
                name,
                lines: from..end,
                keyword: at,
                text: text
                    .map(|line| line.get(indentation..).unwrap_or(""))
                    .collect(),
            });
        }
        if let Some(name) = implements(line) {
            owner = Some((name, end(&lines, at)));
        }
    }
    items
}

/// The item of this name. A method is found without its type's name, if it is the only one.
///
/// # Errors
/// There is none, or several: their names, and all there are.
pub fn find<'a>(source: &'a str, name: &str) -> Result<Item<'a>, Vec<String>> {
    let items = items(source);
    let is = |item: &&Item| item.name == name || item.name.ends_with(&format!("::{name}"));
    let exact = items.iter().find(|item| item.name == name);
    let mut found = items.iter().filter(is);
    match (exact, found.next(), found.next()) {
        (Some(item), ..) | (None, Some(item), None) => Ok(item.clone()),
        _ => Err(items.iter().map(|item| item.name.clone()).collect()),
    }
}

/// The lines of an item from the first that contains `from` to the next that contains `to`, which
/// may be the same one; without `to`, one line. Returned are their numbers, from 0, and the lines
/// without the indentation that they share.
///
/// # Errors
/// One of the texts is not there: which.
pub fn piece<'a>(
    item: &Item<'a>,
    from: &str,
    to: Option<&str>,
) -> Result<(Range<usize>, Vec<&'a str>), String> {
    let missing =
        |what: &str, where_: &str| format!("no line of `{}` contains `{what}`{where_}", item.name);
    let find = |what: &str, after: usize| {
        let mut lines = item.text[after..].iter();
        Some(after + lines.position(|line| line.contains(what))?)
    };
    let first = find(from, 0).ok_or_else(|| missing(from, ""))?;
    let last = match to {
        None => first,
        Some(to) => find(to, first).ok_or_else(|| missing(to, &format!(" after `{from}`")))?,
    };
    let lines = &item.text[first..=last];
    let full = lines.iter().filter(|line| !line.trim().is_empty());
    let shared = full.map(|line| indentation(line)).min().unwrap_or(0);
    let lines = lines.iter().map(|line| line.get(shared..).unwrap_or(""));
    let begin = item.lines.start;
    Ok((begin + first..begin + last + 1, lines.collect()))
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The name of the item whose keyword is in this line.
fn name(line: &str) -> Option<&str> {
    let mut words = line.split(' ').skip_while(|word| QUALIFIERS.contains(word));
    let keyword = words.next()?;
    if keyword == "macro_rules!" {
        return words.next();
    }
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    if !KEYWORDS.contains(&keyword) {
        return None;
    }
    let mut word = words.next()?;
    if keyword == "const" && word == "fn" {
        word = words.next()?;
    }
    let name = word.split(|c| !is_name(c)).next()?;
    (!name.is_empty()).then_some(name)
}

/// The type whose items follow in the block of this line: `Cell` of `impl<T> Drop for Cell<T> {`.
fn implements(line: &str) -> Option<&str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    if let Some(rest) = line
        .strip_prefix("pub trait ")
        .or(line.strip_prefix("trait "))
    {
        return rest.split(|c| !is_name(c)).next();
    }
    let rest = line.strip_prefix("impl")?;
    let rest = match rest.strip_prefix('<') {
        Some(parameters) => parameters.split_once("> ")?.1,
        None => rest.strip_prefix(' ')?,
    };
    let of = rest.split_once(" for ").map_or(rest, |(_, of)| of);
    of.split(|c| !is_name(c)).find(|name| !name.is_empty())
}

/// The first line of the doc comment and the attributes above this one.
fn above(lines: &[&str], at: usize) -> usize {
    let belongs = |line: &&&str| {
        let line = line.trim_start();
        line.starts_with("///") || (line.starts_with("#[") && line.ends_with(']'))
    };
    at - lines[..at].iter().rev().take_while(belongs).count()
}

/// The last line of the item that begins at this one.
fn end(lines: &[&str], at: usize) -> usize {
    let begin = indentation(lines[at]);
    let first = without_comment(lines[at]);
    let is_whole = |line: &str| line.ends_with([';', '}']);
    let is_value = !first.ends_with(['{', '[', '(']) && !first.contains("fn ");
    let ends = |line: &&str| {
        let closes = indentation(line) == begin && line.trim_start().starts_with(['}', ']', ')']);
        match (is_value, without_comment(line)) {
            (true, code) => code.ends_with(';'),
            (false, code) => closes && is_whole(code),
        }
    };
    if is_whole(first) {
        return at;
    }
    let length = lines[at + 1..].iter().position(ends);
    length.map_or(lines.len() - 1, |length| at + 1 + length)
}

/// A line without the comment at its end.
fn without_comment(line: &str) -> &str {
    line.split_once(" // ")
        .map_or(line, |(code, _)| code)
        .trim_end()
}
