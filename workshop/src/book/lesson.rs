//! The chapters of lessons that have a recording, in the order of the book.

use std::{fs, io, path::Path};

use serde_json::Value;
use socket_workshop::fault::Attempt;

use super::{CHAPTERS, chapters};
use crate::recording;

/// A lesson: its chapter and its recording.
#[derive(Debug)]
pub struct Lesson {
    /// As in `examples/`.
    pub name: String,
    /// Its chapter's.
    pub title: String,
    /// Its chapter, in Markdown.
    pub chapter: String,
    /// What happens in it (`docs/recordings.md`).
    pub recording: Value,
}

impl Lesson {
    /// # Errors
    /// Its chapter or its recording cannot be read.
    pub fn open(root: &Path, name: &str) -> io::Result<Lesson> {
        let read = |path: String| {
            fs::read_to_string(root.join(&path)).attempt(|| format!("cannot read {path}"))
        };
        let chapter = read(format!("{CHAPTERS}/{name}.md"))?;
        let title = chapter.lines().find_map(|line| line.strip_prefix("# "));
        let recording = read(format!("{}/{name}.json", recording::FOLDER))?;
        Ok(Lesson {
            name: name.to_owned(),
            title: title.unwrap_or(name).to_owned(),
            recording: serde_json::from_str(&recording).map_err(io::Error::other)?,
            chapter,
        })
    }

    /// What happens in it, in its order.
    #[must_use]
    pub fn events(&self) -> &[Value] {
        self.recording["events"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }
}

/// All lessons that have a chapter and a recording, in the order of the chapters.
///
/// # Errors
/// A file cannot be read.
pub fn lessons(root: &Path) -> io::Result<Vec<Lesson>> {
    let chapters = chapters(root)?;
    let names = chapters.iter().filter_map(|path| path.strip_suffix(".md"));
    let recorded = |name: &&str| {
        let path = root.join(recording::FOLDER).join(name);
        path.with_extension("json").exists()
    };
    names
        .filter(recorded)
        .map(|name| Lesson::open(root, name))
        .collect()
}
