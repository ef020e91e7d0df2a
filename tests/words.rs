//! The English of this repository: words that make a sentence hard to read do not occur.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Words and phrases to write otherwise: `again`, `who`, `never ends`, `receives`, `times out`, …
const MARKED: [&str; 12] = [
    "anew",
    "whoever",
    "for ever",
    "in vain",
    "likewise",
    "comes to rest",
    "so many",
    "ever more",
    "has none left",
    "hears",
    "gives up",
    "gives it up",
];

/// What a reader meets, by the ends of file names. Captured outputs are of this kind, too.
const READ: [&str; 7] = [".rs", ".md", ".diff", ".txt", ".js", ".mjs", ".html"];

#[test]
fn no_marked_word_occurs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut files = 0;
    for file in files_below(root) {
        let Ok(text) = fs::read_to_string(&file) else {
            continue; // no text
        };
        files += 1;
        for (number, line) in text.lines().enumerate() {
            let line = line.to_lowercase();
            for word in MARKED.iter().filter(|word| occurs(word, &line)) {
                found.push(format!("{}:{}: {word}", file.display(), number + 1));
            }
        }
    }
    assert!(files > 500, "only {files} files were read");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_part_of_a_word_is_not_the_word() {
    assert!(occurs("anew", "it begins anew."));
    assert!(!occurs("anew", "a canewood chair"));
    assert!(!occurs("gives up", "gives_up_at_a_signal"));
}

/// Whether these words stand in the line, and not as a part of a longer one.
fn occurs(words: &str, line: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    line.match_indices(words).any(|(at, _)| {
        is_edge(line[..at].chars().next_back()) && is_edge(line[at + words.len()..].chars().next())
    })
}

/// All files to read, but for what is built or saved, and this one.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("it is our folder").flatten() {
        let (path, name) = (
            entry.path(),
            entry.file_name().to_string_lossy().into_owned(),
        );
        let is_ours = !name.starts_with('.')
            && !["target", "words.rs", "mutants.out"].contains(&name.as_str());
        if path.is_dir() && is_ours {
            files.extend(files_below(&path));
        } else if is_ours && READ.iter().any(|end| name.ends_with(end)) {
            files.push(path);
        }
    }
    files
}
