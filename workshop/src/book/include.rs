//! A document of the repository as a part of a chapter.

use std::{fs, path::Path};

/// The text of a document, without its title, with its links as those of a chapter in `book/src`.
/// `path` is its path from the root of the repository.
///
/// # Errors
/// It cannot be read, or it links to something that the book does not have: the link.
pub fn document(root: &Path, path: &str) -> Result<String, String> {
    let text = fs::read_to_string(root.join(path))
        .map_err(|error| format!("cannot read {path}: {error}"))?;
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let body = text.split_once("\n\n").map_or("", |(_title, body)| body);
    let (mut chapter, mut rest) = (String::new(), body);
    while let Some((before, after)) = rest.split_once("](") {
        let (link, after) = after
            .split_once(')')
            .ok_or_else(|| format!("{path}: a link does not end"))?;
        let target = target(root, folder, link).ok_or_else(|| {
            format!("{path} links to {link}, and no chapter of the book is made of that")
        })?;
        chapter += &format!("{before}]({target})");
        rest = after;
    }
    Ok(chapter + rest)
}

/// Where in the book that is to which a document in this folder links.
fn target(root: &Path, folder: &Path, link: &str) -> Option<String> {
    if link.starts_with("https://") || link.starts_with('#') {
        return Some(link.to_owned());
    }
    let (file, anchor) = match link.split_once('#') {
        Some((file, anchor)) => (file, format!("#{anchor}")),
        None => (link, String::new()),
    };
    let (folder, file) = match file.strip_prefix("../") {
        Some(file) => (folder.parent()?, file),
        None => (folder, file),
    };
    let path = folder.join(file);
    let chapter = match path.to_str()? {
        "docs/glossary.md" => "glossary.md".to_owned(),
        "docs/pictures/" => return Some("#pictures".to_owned()),
        "examples/README.md" => "reading.md".to_owned(),
        other => {
            let lesson = other.strip_prefix("examples/")?.strip_suffix(".rs")?;
            format!("{lesson}.md")
        }
    };
    let exists = root.join(super::CHAPTERS).join(&chapter).exists();
    exists.then(|| chapter + &anchor)
}
