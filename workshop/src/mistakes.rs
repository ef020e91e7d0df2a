//! The mistakes of an exercise: what they are, and the programs that make them; and its right
//! answers that are edits of others.
//!
//! Most are edits of a right answer. They stand in the exercise's `mistakes.diff`:
//!
//! ```text
//! == shouts
//! Sends something else back: the same number of bytes, but in capitals.
//! rejected by: answers before it waits for more
//! cause: What came back is not what was sent
//! base: base
//! @@
//!          }
//! -        stream.write_all(&buf[..n])?;
//! +        stream.write_all(&buf[..n].to_ascii_uppercase())?;
//!          total += n as u64;
//! ```
//!
//! `base: NAME` names the program in `bases/` that it edits; without it that is `bases/base.rs`. A
//! hunk follows each `@@`. Lines that stay begin with a space, lines to remove with `-`, lines to
//! add with `+`. There are no line numbers: the lines that stay and the lines to remove must occur
//! together, and exactly once, in the base. An empty line is a line that stays; at the end of a
//! hunk it means nothing. The hunks of a mistake stand in any order and must not overlap. Lines
//! before the first mistake that begin with `#` are comments.
//!
//! An edit leaves out the base's `//!` head.
//!
//! A mistake that would replace most lines is a whole program, `wrong/NAME.rs`. Its `//!` head has
//! the description and the lines `rejected by: ` and `cause: `.
//!
//! `variants.diff` has right answers that differ from one of `bases/` in some lines. Its format is
//! the same, without `rejected by: ` and `cause: `.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

/// The comments by which a wrong answer says where its threads hang, spin, wait or panic: at the
/// end of such a line, or alone right above it.
pub const MARKS: [&str; 4] = [
    "// hangs here",
    "// spins here",
    "// waits here",
    "// panics here",
];

const REJECTED_BY: &str = "rejected by: ";
const CAUSE: &str = "cause: ";
const BASE: &str = "base: ";

/// A mistake, and the program that makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Its name, which is a module's too.
    pub name: String,
    /// What is wrong, in a line.
    pub description: String,
    /// The check that must reject it.
    pub rejected_by: String,
    /// A part of the cause that the failure must give.
    pub cause: String,
    /// The program, without a `//!` head.
    pub program: String,
    /// Its file, if it is a whole program.
    pub file: Option<PathBuf>,
}

/// A right answer that is an edit of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Its name, which is a module's too.
    pub name: String,
    /// How it differs from the solution, in a line.
    pub description: String,
    /// The program, without a `//!` head.
    pub program: String,
}

/// A mistake as it stands in `mistakes.diff`, or a right answer as it stands in `variants.diff`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit<Facts = MistakeFacts> {
    name: String,
    facts: Facts,
    /// The name of the program that it edits.
    base: String,
    hunks: Vec<Hunk>,
}

/// What is known of a mistake besides its program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MistakeFacts {
    description: String,
    rejected_by: String,
    cause: String,
}

/// Lines of the base, and the lines that replace them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Hunk {
    /// As they stand in the file.
    lines: Vec<String>,
    before: Vec<String>,
    after: Vec<String>,
}

/// The mistakes of the exercise in this folder, by name.
///
/// # Errors
/// A file cannot be read, or a mistake does not apply to its base: one line that names the
/// exercise, the mistake, the hunk and the reason.
pub fn read(folder: &Path) -> Result<Vec<Mistake>, String> {
    let exercise = folder.file_name().unwrap_or_default().to_string_lossy();
    let in_exercise = |error| format!("{exercise}: {error}");
    let mut mistakes = whole_programs(folder).map_err(in_exercise)?;
    mistakes.extend(edited_programs(folder).map_err(in_exercise)?);
    mistakes.sort_by(|a, b| a.name.cmp(&b.name));
    let twice = mistakes.windows(2).find(|two| two[0].name == two[1].name);
    match twice {
        Some(two) => Err(in_exercise(format!("{}: there are two", two[0].name))),
        None => Ok(mistakes),
    }
}

/// The right answers in `variants.diff` of the exercise in this folder.
///
/// # Errors
/// As [`read`].
pub fn variants(folder: &Path) -> Result<Vec<Variant>, String> {
    let exercise = folder.file_name().unwrap_or_default().to_string_lossy();
    let in_exercise = |error| format!("{exercise}: {error}");
    let text = text_if_any(&folder.join("variants.diff")).map_err(in_exercise)?;
    let mut variants = Vec::new();
    for edit in parse_variants(&text).map_err(in_exercise)? {
        let program = edit.program(folder).map_err(in_exercise)?;
        variants.push(Variant {
            name: edit.name,
            description: edit.facts,
            program,
        });
    }
    Ok(variants)
}

fn edited_programs(folder: &Path) -> Result<Vec<Mistake>, String> {
    let mut mistakes = Vec::new();
    for edit in parse(&text_if_any(&folder.join("mistakes.diff"))?)? {
        let program = edit.program(folder)?;
        mistakes.push(edit.facts.of(edit.name, program, None));
    }
    Ok(mistakes)
}

fn whole_programs(folder: &Path) -> Result<Vec<Mistake>, String> {
    let mut mistakes = Vec::new();
    for file in programs(&folder.join("wrong"))? {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let text = text(&file)?;
        let (head, program) = without_head(&text);
        let lines: Vec<&str> = head.iter().map(|line| line[3..].trim()).collect();
        let facts = MistakeFacts::read(&lines).map_err(|error| format!("{name}: {error}"))?;
        let (name, program) = (name.into_owned(), program.to_owned());
        mistakes.push(facts.of(name, program, Some(file)));
    }
    Ok(mistakes)
}

/// The Rust files in a folder, by name; none if there is no such folder.
///
/// # Errors
/// The folder cannot be read.
pub fn programs(folder: &Path) -> Result<Vec<PathBuf>, String> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let cannot_read = |error| format!("cannot read {}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot_read)? {
        let file = entry.map_err(cannot_read)?.path();
        if file.extension().is_some_and(|extension| extension == "rs") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn text(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

/// The text of a file, empty if there is none.
fn text_if_any(file: &Path) -> Result<String, String> {
    match file.exists() {
        true => text(file),
        false => Ok(String::new()),
    }
}

/// The `//!` lines at the beginning of a program, and what follows them.
fn without_head(program: &str) -> (Vec<&str>, &str) {
    let mut rest = program;
    let mut head = Vec::new();
    while let Some((line, after)) = rest.split_once('\n')
        && line.starts_with("//!")
    {
        head.push(line);
        rest = after;
    }
    (head, rest.trim_start_matches('\n'))
}

/// The edits in the text of a `mistakes.diff`.
///
/// # Errors
/// A line that does not belong there, or one that is missing: which mistake it is, and the reason.
pub fn parse(text: &str) -> Result<Vec<Edit>, String> {
    edits(text, MistakeFacts::read)
}

/// The edits in the text of a `variants.diff`, each with its description.
///
/// # Errors
/// As [`parse`].
pub fn parse_variants(text: &str) -> Result<Vec<Edit<String>>, String> {
    edits(text, |head| {
        let of_a_mistake = head.iter().find(|line| MistakeFacts::has_key(line));
        match of_a_mistake {
            Some(line) => Err(format!("`{line}` is a line of a mistake")),
            None => description(head, |line| line.starts_with(BASE)),
        }
    })
}

/// The edits in a text, whose heads `read` understands.
fn edits<Facts>(
    text: &str,
    read: impl Fn(&[&str]) -> Result<Facts, String>,
) -> Result<Vec<Edit<Facts>>, String> {
    let mut edits: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("== "), edits.last_mut()) {
            (Some(name), _) => edits.push((name.trim_end(), Vec::new())),
            (None, Some((_, lines))) => lines.push(line),
            (None, None) if line.is_empty() || line.starts_with('#') => {}
            (None, None) => return Err(format!("`{line}` stands before the first `== NAME`")),
        }
    }
    let edit = |(name, lines): (&str, Vec<&str>)| {
        Edit::parse(name, &lines, &read).map_err(|error| format!("{name}: {error}"))
    };
    edits.into_iter().map(edit).collect()
}

/// The description in the head of an edit, which ends at the first line with a key. Lines with a
/// key and empty lines may follow it.
fn description(lines: &[&str], has_key: impl Fn(&str) -> bool) -> Result<String, String> {
    let length = lines.iter().take_while(|line| !has_key(line)).count();
    let (description, keys) = lines.split_at(length);
    let description = description.join(" ").trim().to_owned();
    if description.is_empty() {
        return Err("it has no description".to_owned());
    }
    match keys.iter().find(|line| !line.is_empty() && !has_key(line)) {
        Some(line) => Err(format!("`{line}` is not a key, and stands after one")),
        None => Ok(description),
    }
}

impl<Facts> Edit<Facts> {
    fn parse(
        name: &str,
        lines: &[&str],
        read: impl Fn(&[&str]) -> Result<Facts, String>,
    ) -> Result<Self, String> {
        let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(is_part) {
            return Err("a name is of small letters, digits and `_`".to_owned());
        }
        let mut parts = lines.split(|line| *line == "@@");
        let head = parts.next().unwrap_or_default();
        let base = head.iter().find_map(|line| line.strip_prefix(BASE));
        let hunks = parts.enumerate().map(|(index, lines)| {
            Hunk::parse(lines).map_err(|error| format!("hunk {}: {error}", index + 1))
        });
        let hunks = hunks.collect::<Result<Vec<Hunk>, String>>()?;
        if hunks.is_empty() {
            return Err("it has no hunk".to_owned());
        }
        Ok(Edit {
            name: name.to_owned(),
            facts: read(head)?,
            base: base.unwrap_or("base").to_owned(),
            hunks,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its hunks, as they stand in the file: lines that stay, to remove, and to add.
    #[must_use]
    pub fn hunks(&self) -> Vec<Vec<String>> {
        self.hunks.iter().map(|hunk| hunk.lines.clone()).collect()
    }

    /// The program that this makes of its base, which is in `bases/` of the exercise's folder.
    fn program(&self, folder: &Path) -> Result<String, String> {
        let base = folder.join("bases").join(&self.base).with_extension("rs");
        let base = text(&base).map_err(|error| format!("{}: {error}", self.name))?;
        self.apply(&base)
    }

    /// The program that this makes of its base.
    ///
    /// # Errors
    /// A hunk applies nowhere, twice, or to lines of another hunk: one line that names the mistake,
    /// the hunk and the reason.
    pub fn apply(&self, base: &str) -> Result<String, String> {
        let (_, base) = without_head(base);
        let lines: Vec<&str> = base.lines().collect();
        let mut places = Vec::new();
        for (index, hunk) in self.hunks.iter().enumerate() {
            let place = hunk.place(&lines);
            let place = place.map_err(|error| {
                let (name, base) = (&self.name, &self.base);
                format!("{name}: hunk {}: {error} bases/{base}.rs", index + 1)
            })?;
            places.push((place, index));
        }
        places.sort_by_key(|(place, _)| place.start);
        let mut program = Vec::new();
        let mut from = 0;
        let mut last = 0;
        for (place, index) in places {
            if place.start < from {
                let (one, other) = (last.min(index) + 1, last.max(index) + 1);
                return Err(format!("{}: hunks {one} and {other} overlap", self.name));
            }
            program.extend_from_slice(&lines[from..place.start]);
            program.extend(self.hunks[index].after.iter().map(String::as_str));
            (from, last) = (place.end, index);
        }
        program.extend_from_slice(&lines[from..]);
        Ok(program.join("\n") + "\n")
    }
}

impl MistakeFacts {
    /// Whether a line has one of the keys that only a mistake has.
    fn has_key(line: &str) -> bool {
        line.starts_with(REJECTED_BY) || line.starts_with(CAUSE)
    }

    fn read(lines: &[&str]) -> Result<Self, String> {
        let fact = |key: &str| {
            let mut found = lines.iter().filter_map(|line| line.strip_prefix(key));
            match (found.next(), found.next()) {
                (Some(fact), None) if !fact.trim().is_empty() => Ok(fact.trim().to_owned()),
                (Some(_), Some(_)) => Err(format!("it has two lines `{key}`")),
                _ => Err(format!("it has no line `{key}`")),
            }
        };
        let (rejected_by, cause) = (fact(REJECTED_BY)?, fact(CAUSE)?);
        let has_key = |line: &str| Self::has_key(line) || line.starts_with(BASE);
        Ok(MistakeFacts {
            description: description(lines, has_key)?,
            rejected_by,
            cause,
        })
    }

    fn of(self, name: String, program: String, file: Option<PathBuf>) -> Mistake {
        Mistake {
            name,
            description: self.description,
            rejected_by: self.rejected_by,
            cause: self.cause,
            program,
            file,
        }
    }
}

impl Hunk {
    fn parse(lines: &[&str]) -> Result<Hunk, String> {
        let is_empty = |line: &&&str| line.is_empty();
        let length = lines.len() - lines.iter().rev().take_while(is_empty).count();
        let mut hunk = Hunk::default();
        for line in &lines[..length] {
            hunk.lines.push((*line).to_owned());
            let mut chars = line.chars();
            let (first, rest) = (chars.next(), chars.as_str());
            if !matches!(first, None | Some(' ' | '-' | '+')) {
                return Err(format!("`{line}` begins with no space, `-` or `+`"));
            }
            if first != Some('+') {
                hunk.before.push(rest.to_owned());
            }
            if first != Some('-') {
                hunk.after.push(rest.to_owned());
            }
        }
        match (hunk.before.is_empty(), hunk.before == hunk.after) {
            (true, _) => Err("it has no line that stays or is removed".to_owned()),
            (_, true) => Err("it changes nothing".to_owned()),
            _ => Ok(hunk),
        }
    }

    /// The only place in the base that has these lines.
    fn place(&self, base: &[&str]) -> Result<Range<usize>, String> {
        let mut found = base.windows(self.before.len()).enumerate();
        let mut place = || found.find(|(_, lines)| *lines == self.before);
        let first = place().ok_or("its lines do not occur in")?.0;
        let more = std::iter::from_fn(place).count();
        match more {
            0 => Ok(first..first + self.before.len()),
            _ => Err(format!("its lines occur {} times in", more + 1)),
        }
    }
}

impl Mistake {
    /// What the `//!` head of its program says.
    #[must_use]
    pub fn head(&self) -> String {
        let Mistake {
            description,
            rejected_by,
            cause,
            ..
        } = self;
        format!("//! {description}\n//!\n//! rejected by: {rejected_by}\n//! cause: {cause}\n")
    }
}

/// The functions that a starter's `main` hands to its checks: `SUITE.examine(echo)`, or
/// `SUITE.examine((listen, serve))`.
///
/// # Errors
/// It hands over none.
pub fn functions(starter: &str) -> Result<Vec<&str>, String> {
    let call = starter.rsplit_once("SUITE.examine(");
    let functions = call.and_then(|(_, rest)| rest.lines().next()?.strip_suffix(')'));
    let functions = functions.ok_or("no line `SUITE.examine(…)`")?;
    let functions = functions.trim_start_matches('(').trim_end_matches(')');
    Ok(functions.split(", ").collect())
}
