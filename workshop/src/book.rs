//! The book: `cargo workshop book` writes its pages with mdbook, for which the same program is the
//! preprocessor. Chapters (`book/src`) name code, stages, rules and mistakes in directives, and
//! never copy them.

mod chapter;
pub mod claims;
mod directive;
mod exercise;
pub mod glossary;
pub mod html;
pub mod include;
pub mod item;
mod lesson;
pub mod marks;
pub mod slides;
pub mod stage;

use std::{
    env, fs,
    io::{self, ErrorKind, Read},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use serde_json::Value;
use socket_workshop::{command::complain, command::write_line, fault::Attempt, say};

pub use self::{
    chapter::{Files, Sources},
    directive::{Directive, Piece},
    exercise::kept_cause,
    lesson::{Lesson, lessons},
};

/// Where the chapters of this repository are, from its root.
pub const CHAPTERS: &str = "book/src";

/// Writes the pages, into `target/book` if no folder is given.
///
/// # Errors
/// There is no mdbook; a directive names what does not exist; the folder has other files.
pub fn write(root: &Path, folder: Option<&Path>) -> io::Result<()> {
    let begun = Instant::now();
    let folder = folder.map_or_else(|| root.join("target/book"), Path::to_owned);
    let folder = std::path::absolute(&folder)?;
    may_be_replaced(&folder)?;
    let sources = Sources::open(root)?;
    let mut errors = Vec::new();
    for path in chapters(root)? {
        let text = fs::read_to_string(root.join(CHAPTERS).join(&path))
            .attempt(|| format!("cannot read {CHAPTERS}/{path}"))?;
        let expanded = sources.chapter(&path, &text, &mut Files::default());
        errors.extend(expanded.err().unwrap_or_default());
    }
    refuse(&errors)?;
    let own = env::current_exe()?;
    let mut mdbook = Command::new("mdbook");
    mdbook
        .arg("build")
        .arg(root.join("book"))
        .arg("--dest-dir")
        .arg(&folder)
        .env(
            "MDBOOK_PREPROCESSOR__WORKSHOP__COMMAND",
            format!("'{}' preprocess-book", own.display()),
        )
        .stdin(Stdio::null());
    let output = mdbook.output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => io::Error::new(
            ErrorKind::NotFound,
            "mdbook, which writes the pages, is not in the PATH: `cargo install mdbook` installs it",
        ),
        _ => error,
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!(
            "mdbook failed:\n{}",
            said.trim_end()
        )));
    }
    let recordings = folder.join("recordings");
    if recordings.is_dir() {
        fs::remove_dir_all(recordings)?; // the pages that play them have them inside
    }
    let bytes = size(&folder)?;
    say!(
        "{}   ({:.1} MB, in {:.1} s)",
        folder.join("index.html").display(),
        bytes as f64 / 1e6,
        begun.elapsed().as_secs_f64()
    )
}

/// What mdbook calls: chapters come as JSON on stdin, and go to stdout with their directives
/// replaced.
///
/// # Errors
/// A directive names what does not exist, or mdbook speaks another language.
pub fn preprocess(root: &Path) -> io::Result<()> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let unknown = || io::Error::other("stdin is not what mdbook gives to a preprocessor");
    let value: Value = serde_json::from_str(&text).map_err(|_| unknown())?;
    let Value::Array(parts) = value else {
        return Err(unknown());
    };
    let [_, mut book]: [Value; 2] = parts.try_into().map_err(|_| unknown())?;
    let sources = Sources::open(root)?;
    let (mut files, mut errors) = (Files::default(), Vec::new());
    each_chapter(
        &mut book,
        &mut |path, content| match sources.chapter(path, content, &mut files) {
            Ok(expanded) => *content = expanded,
            Err(more) => errors.extend(more),
        },
    );
    refuse(&errors)?;
    sources.put(&files)?;
    write_line(format_args!("{book}"))
}

/// Calls this with the path and the text of each chapter, at whatever depth.
fn each_chapter(value: &mut Value, change: &mut impl FnMut(&str, &mut String)) {
    match value {
        Value::Array(values) => {
            for value in values {
                each_chapter(value, change);
            }
        }
        Value::Object(members) => {
            let path = members
                .get("path")
                .and_then(Value::as_str)
                .map(str::to_owned);
            if let (Some(path), Some(Value::String(content))) = (path, members.get_mut("content")) {
                change(&path, content);
            }
            for value in members.values_mut() {
                each_chapter(value, change);
            }
        }
        _ => {}
    }
}

/// The paths of the chapters in `SUMMARY.md`, in their order, from `book/src`.
///
/// # Errors
/// It cannot be read.
pub fn chapters(root: &Path) -> io::Result<Vec<String>> {
    let path = root.join(CHAPTERS).join("SUMMARY.md");
    let summary =
        fs::read_to_string(&path).attempt(|| format!("cannot read {}", path.display()))?;
    let links = summary.split("](").skip(1);
    let paths = links.filter_map(|link| Some(link.split_once(')')?.0.to_owned()));
    Ok(paths.filter(|path| path.ends_with(".md")).collect())
}

/// Prints all errors but the last, which the command prints.
fn refuse(errors: &[String]) -> io::Result<()> {
    let Some((last, others)) = errors.split_last() else {
        return Ok(());
    };
    others.iter().for_each(|error| complain(error));
    Err(io::Error::other(last.clone()))
}

/// mdbook empties the folder to which it writes: it must be one of its own, or have nothing in it.
fn may_be_replaced(folder: &Path) -> io::Result<()> {
    let Ok(mut files) = fs::read_dir(folder) else {
        return Ok(());
    };
    let is_book = ["toc.html", "print.html"]
        .iter()
        .all(|page| folder.join(page).exists());
    match is_book || files.next().is_none() {
        true => Ok(()),
        false => Err(io::Error::new(
            ErrorKind::InvalidInput,
            format!(
                "{} has files that are not a book's: name another folder",
                folder.display()
            ),
        )),
    }
}

/// The bytes of all files below a folder.
fn size(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += match entry.file_type()?.is_dir() {
            true => size(&entry.path())?,
            false => entry.metadata()?.len(),
        };
    }
    Ok(bytes)
}
