//! A chapter, with what its directives name in their place.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    claims,
    directive::{Directive, Piece},
    exercise::{self, Missing},
    glossary::Glossary,
    html, include, item, slides, stage,
};
use crate::{
    checks::{EXERCISES, Exercise},
    course::did_you_mean,
    page, recording,
};

/// Where the pictures of this repository are, from its root.
pub(super) const PICTURES: &str = "docs/pictures";

/// What chapters are made of.
#[derive(Debug)]
pub struct Sources {
    root: PathBuf,
    glossary: Glossary,
}

/// What chapters name and a page loads: files beside the pages.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Lessons that are played.
    pub played: BTreeSet<String>,
    /// Pictures, without `.svg`.
    pub pictures: BTreeSet<String>,
    /// Lessons that have slides.
    pub slides: BTreeSet<String>,
}

impl Sources {
    /// # Errors
    /// The glossary cannot be read.
    pub fn open(root: &Path) -> io::Result<Sources> {
        let text = read(root, "docs/glossary.md").map_err(io::Error::other)?;
        Ok(Sources {
            root: root.to_owned(),
            glossary: Glossary::parse(&text).map_err(io::Error::other)?,
        })
    }

    /// The terms, and their links.
    #[must_use]
    pub fn glossary(&self) -> &Glossary {
        &self.glossary
    }

    /// A chapter as mdbook shall render it. `path` is its own, from `book/src`.
    ///
    /// # Errors
    /// A line for each directive that names what does not exist.
    pub fn chapter(
        &self,
        path: &str,
        text: &str,
        files: &mut Files,
    ) -> Result<String, Vec<String>> {
        let up = "../".repeat(path.matches('/').count());
        let linked = match path {
            "glossary.md" => text.to_owned(),
            _ => self.glossary.link(text, &up),
        };
        let (mut chapter, mut errors) = (String::new(), Vec::new());
        let mut is_code = false;
        for (number, line) in linked.lines().enumerate() {
            is_code ^= line.trim_start().starts_with("```");
            match Directive::parse(line).filter(|_| !is_code) {
                None => chapter += line,
                Some(directive) => {
                    match directive.and_then(|directive| self.replace(directive, &up, files)) {
                        Ok(block) => chapter += &block,
                        Err(what) => errors.push(format!(
                            "book/src/{path}:{}: {}: {what}",
                            number + 1,
                            line.trim()
                        )),
                    }
                }
            }
            chapter.push('\n');
        }
        match errors.is_empty() {
            true => Ok(chapter),
            false => Err(errors),
        }
    }

    fn replace(
        &self,
        directive: Directive<'_>,
        up: &str,
        files: &mut Files,
    ) -> Result<String, String> {
        match directive {
            Directive::Code(lesson, item, piece) => self.code(lesson, item, piece),
            Directive::Stage(lesson, number) => {
                let recording = self.recording(lesson)?;
                stage::html(&recording, number).ok_or_else(|| {
                    let numbers = stage::numbers(&recording);
                    let (first, last) = (numbers.first(), numbers.last());
                    let [first, last] = [first, last].map(|n| n.copied().unwrap_or(0));
                    format!("lesson {lesson} has the stages {first} to {last}")
                })
            }
            Directive::Play(lesson) => {
                let recording = self.recording(lesson)?;
                files.played.insert(lesson.to_owned());
                Ok(play(lesson, &recording, up))
            }
            Directive::Rules(exercise) => exercise::rules(&self.root, exercise_of(exercise)?),
            Directive::Mistake(exercise, name) => {
                let exercise = exercise_of(exercise)?;
                exercise::mistake(&self.root, exercise, name).map_err(|missing| match missing {
                    Missing::Unreadable(what) => what,
                    Missing::Unknown(names) => {
                        let what = format!("exercise {} has no mistake `{name}`", exercise.name);
                        let names = names.iter().map(String::as_str);
                        let advice = did_you_mean(name, names).unwrap_or_else(|| {
                            format!("`cargo workshop mistake {}` lists them", exercise.name)
                        });
                        format!("{what}; {advice}")
                    }
                })
            }
            Directive::Picture(name, caption) => {
                if !self
                    .root
                    .join(PICTURES)
                    .join(format!("{name}.svg"))
                    .exists()
                {
                    let there = stems(&self.root.join(PICTURES), "svg").join(", ");
                    return Err(format!(
                        "there is no {PICTURES}/{name}.svg; there are {there}"
                    ));
                }
                files.pictures.insert(name.to_owned());
                let source = format!("{up}pictures/{name}.svg");
                let alt = html::escaped(&caption.replace('`', ""));
                Ok(format!(
                    "<figure class=\"picture\">\n<a href=\"{source}\"><img src=\"{source}\" \
                     alt=\"{alt}\"></a>\n<figcaption>{}</figcaption>\n</figure>\n",
                    html::sentence(caption)
                ))
            }
            Directive::Glossary => Ok(self.glossary.chapter()),
            Directive::Claims => claims::chapter(&self.root).map_err(|error| error.to_string()),
            Directive::Slides => {
                let (list, names) = slides::list(&self.root).map_err(|error| error.to_string())?;
                files.slides.extend(names);
                Ok(list)
            }
            Directive::Include(path) => include::document(&self.root, path),
        }
    }

    fn code(&self, lesson: &str, name: &str, piece: Option<Piece<'_>>) -> Result<String, String> {
        let path = format!("examples/{lesson}.rs");
        if !self.root.join(&path).exists() {
            let there = stems(&self.root.join("examples"), "rs");
            let meant = did_you_mean(lesson, there.iter().map(String::as_str));
            let meant = meant.unwrap_or_else(|| format!("there are {}", there.join(", ")));
            return Err(format!("there is no {path}; {meant}"));
        }
        let source = read(&self.root, &path)?;
        let item = item::find(&source, name).map_err(|names| {
            let several = names.iter().filter(|n| n.ends_with(&format!("::{name}")));
            let several: Vec<&str> = several.map(String::as_str).collect();
            match several.is_empty() {
                true => format!("{path} has no item `{name}`; it has {}", names.join(", ")),
                false => format!("{path} has several items `{name}`: {}", several.join(", ")),
            }
        })?;
        let (lines, text) = match piece {
            None => (item.keyword..item.lines.end, item.text),
            Some(Piece { from, to }) => item::piece(&item, from, to)?,
        };
        let above = format!("{path}:{}", lines.start + 1);
        Ok(html::figure("code", &above, &[html::code("rust", &text)]))
    }

    fn recording(&self, lesson: &str) -> Result<Value, String> {
        let path = format!("{}/{lesson}.json", recording::FOLDER);
        if !self.root.join(&path).exists() {
            let there = stems(&self.root.join(recording::FOLDER), "json");
            let meant = did_you_mean(lesson, there.iter().map(String::as_str));
            let meant = meant.unwrap_or_else(|| format!("there are {}", there.join(", ")));
            return Err(format!("lesson {lesson} has no recording; {meant}"));
        }
        let text = read(&self.root, &path)?;
        serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))
    }

    /// Writes these files where mdbook finds them and puts them beside the pages, and removes those
    /// that no chapter names any more.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn put(&self, files: &Files) -> io::Result<()> {
        let source = self.root.join("book/src");
        let play = |name: &String| {
            let recording = self.recording(name).map_err(io::Error::other)?;
            Ok(page::of(&recording))
        };
        put(&source.join("play"), "html", &files.played, play)?;
        let picture = |name: &String| {
            read(&self.root, &format!("{PICTURES}/{name}.svg")).map_err(io::Error::other)
        };
        put(&source.join("pictures"), "svg", &files.pictures, picture)?;
        let deck = |name: &String| slides::deck(&self.root, name);
        put(&source.join("slides"), "html", &files.slides, deck)
    }
}

/// The files of a folder, made equal to these. One that is as it shall be is not written again: it
/// would wake `mdbook serve`.
fn put(
    folder: &Path,
    extension: &str,
    names: &BTreeSet<String>,
    text: impl Fn(&String) -> io::Result<String>,
) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for old in stems(folder, extension) {
        if !names.contains(&old) {
            fs::remove_file(folder.join(old).with_extension(extension))?;
        }
    }
    for name in names {
        let path = folder.join(name).with_extension(extension);
        let text = text(name)?;
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        // Another build may read it now: it has the old text or the new one.
        let new = folder.join(format!(".{name}.{}", std::process::id()));
        fs::write(&new, text)?;
        fs::rename(&new, &path)?;
    }
    Ok(())
}

/// The recorded run in a frame, and the same as text: for print, and where no script runs.
fn play(lesson: &str, recording: &Value, up: &str) -> String {
    let lesson = html::escaped(lesson);
    let numbers = stage::numbers(recording);
    let stages = numbers.iter().filter_map(|n| stage::html(recording, *n));
    let stages: Vec<String> = stages.collect();
    let source = format!("{up}play/{lesson}.html");
    format!(
        "<div class=\"play\">\n<iframe loading=\"lazy\" src=\"{source}\" \
         title=\"Lesson {lesson}, played stage by stage\"></iframe>\n\
         <p>Click into the frame, then: <kbd>space</kbd> goes on, <kbd>←</kbd> goes back, \
         <kbd>1</kbd> to <kbd>4</kbd> answer. <a href=\"{source}\">Open it in a page of its own</a>\
         </p>\n</div>\n<details class=\"stages\">\n<summary>All {} stages as text</summary>\n\n\
         {}\n\n</details>\n",
        stages.len(),
        stages.join("\n\n")
    )
}

fn exercise_of(name: &str) -> Result<&'static Exercise, String> {
    let found = EXERCISES.iter().find(|exercise| exercise.name == name);
    found.ok_or_else(|| {
        let names = EXERCISES.iter().map(|exercise| exercise.name);
        let meant = did_you_mean(name, names.clone())
            .unwrap_or_else(|| format!("there are {}", names.collect::<Vec<_>>().join(", ")));
        format!("there is no exercise `{name}`; {meant}")
    })
}

/// The files of a folder with this extension, without it, sorted; none if there is no folder.
fn stems(folder: &Path, extension: &str) -> Vec<String> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut stems: Vec<String> = files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    stems.sort();
    stems
}

fn read(root: &Path, path: &str) -> Result<String, String> {
    fs::read_to_string(root.join(path)).map_err(|error| format!("cannot read {path}: {error}"))
}
