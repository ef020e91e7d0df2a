//! What a chapter shows of an exercise: its rules, and mistakes of its catalogue.

use std::{fs, path::Path};

use super::{html, marks};
use crate::{
    checks::Exercise,
    mistakes::{self, Mistake},
};

/// The header of an exercise, from its starter, as Markdown: task, minutes and rules. What follows
/// `How to go on:` is left out.
///
/// # Errors
/// The starter cannot be read.
pub fn rules(root: &Path, exercise: &Exercise) -> Result<String, String> {
    let starter = folder(root, exercise).join("starter.rs");
    let text = read(&starter)?;
    let header = text.lines().map_while(|line| line.strip_prefix("//!"));
    let header = header.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let mut lines = Vec::new();
    for line in header.skip(1).take_while(|line| *line != "How to go on:") {
        match line.ends_with("):") && line.contains(" rules (") {
            // A list whose first number is not 1 does not begin within a paragraph.
            true => lines.push(format!("**{}**\n", line.trim_end_matches(':'))),
            false => lines.push(line.to_owned()),
        }
    }
    let path = html::escaped(&exercise.path());
    Ok(html::figure(
        "rules",
        &path,
        &[lines.join("\n").trim().to_owned()],
    ))
}

/// A mistake: what it does, its diff, and the cause that a student is told.
///
/// # Errors
/// The catalogue cannot be read, or has no such mistake: which it has.
pub fn mistake(root: &Path, exercise: &Exercise, name: &str) -> Result<String, Missing> {
    let folder = folder(root, exercise);
    let mistakes = mistakes::read(&folder).map_err(Missing::Unreadable)?;
    let Some(mistake) = mistakes.iter().find(|mistake| mistake.name == name) else {
        let names = mistakes.into_iter().map(|mistake| mistake.name);
        return Err(Missing::Unknown(names.collect()));
    };
    let program = match diff(&folder, name).map_err(Missing::Unreadable)? {
        Some(diff) => {
            let lines: Vec<&str> = diff.iter().map(String::as_str).collect();
            html::code("diff", &lines)
        }
        None => {
            let lines = marks::program_without(&mistake.program.lines().collect::<Vec<_>>());
            html::code(
                "rust",
                &lines.iter().map(String::as_str).collect::<Vec<_>>(),
            )
        }
    };
    let cause = cause(&folder, mistake).map_err(Missing::Unreadable)?;
    let cause = format!(
        "<p class=\"cause\"><b>What the check <q>{}</q> reports</b> {}</p>",
        html::sentence(&mistake.rejected_by),
        html::sentence(&cause)
    );
    let description = html::sentence(&mistake.description);
    // Closed at first: the lines around the mistake are a part of a right answer.
    let summary = "The code with this mistake (it shows a part of a solution)";
    let program = format!(
        "<details class=\"edit\">\n<summary>{summary}</summary>\n\n{program}\n\n</details>"
    );
    Ok(html::figure("mistake", &description, &[program, cause]))
}

/// Why a mistake cannot be shown.
#[derive(Debug)]
pub enum Missing {
    /// There are only these.
    Unknown(Vec<String>),
    /// In a line.
    Unreadable(String),
}

/// The hunks of a mistake that is an edit, with a line between two.
fn diff(folder: &Path, name: &str) -> Result<Option<Vec<String>>, String> {
    let path = folder.join("mistakes.diff");
    if !path.exists() {
        return Ok(None);
    }
    let edits = mistakes::parse(&read(&path)?)?;
    let edit = edits.into_iter().find(|edit| edit.name() == name);
    let hunks = edit.map(|edit| edit.hunks());
    let shown = |hunks: Vec<Vec<String>>| -> Vec<_> {
        hunks
            .iter()
            .filter_map(|hunk| marks::hunk_without(hunk))
            .collect()
    };
    Ok(hunks.map(|hunks| shown(hunks).join(&"   …".to_owned())))
}

/// The cause as a student reads it. The catalogue's tests compare it with that of a real failure.
fn cause(folder: &Path, mistake: &Mistake) -> Result<String, String> {
    let text = |kind: &str| {
        let path = folder.join(kind).join(format!("{}.txt", mistake.name));
        path.exists().then(|| read(&path)).transpose()
    };
    if let Some(cause) = text("causes")? {
        return Ok(cause.trim().to_owned());
    }
    let kept = text("kept")?;
    let cause = kept.as_deref().and_then(kept_cause);
    Ok(cause.unwrap_or_else(|| mistake.cause.clone())) // a part of it
}

/// The cause in the text of a failure, in one line.
#[must_use]
pub fn kept_cause(failure: &str) -> Option<String> {
    let mut lines = failure.lines();
    let first = lines.find_map(|line| line.strip_prefix("  cause     "))?;
    let indented = " ".repeat(12);
    let more = lines.map_while(|line| line.strip_prefix(&indented));
    let lines: Vec<&str> = [first].into_iter().chain(more).collect();
    Some(lines.join(" "))
}

fn folder(root: &Path, exercise: &Exercise) -> std::path::PathBuf {
    root.join("workshop/exercises").join(exercise.name)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
