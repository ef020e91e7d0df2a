//! The command that students live in: where they are, what is next, and what the checks say.
//!
//! [`Course`] is a checkout and the progress made in it. Exercises are built by cargo and examined
//! by their own programs (`examine`); here is what happens around that. Nothing but `reset` ever
//! writes into an exercise.

mod examine;
mod failure;
mod files;
mod follow;
mod mistake;
mod progress;
mod segments;
mod show;

use std::{
    env,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    process::ExitCode,
};

use self::progress::Progress;
use crate::checks::{EXERCISES, Exercise};

/// What came of an examination, as an exit status says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Every check has passed.
    Passed,
    /// It could not be examined, or some checks not be made.
    NotChecked,
    /// A check has failed, or the exercise does not compile.
    Failed,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(match status {
            Status::Passed => 0,
            Status::Failed => 1,
            Status::NotChecked => 3,
        })
    }
}

/// How an examination is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// In words: the first failure in full, the others in a line.
    Words,
    /// In words: all failures in full.
    InFull,
    /// In words; a check that fails keeps its sockets until Enter.
    Holding,
    /// As a line of JSON for each exercise.
    Json,
    /// In words, and the first failure of each exercise as a page.
    Page,
}

/// A checkout, and the progress made in it.
#[derive(Debug)]
pub struct Course {
    root: PathBuf,
    progress: Progress,
}

impl Course {
    /// The checkout in which cargo runs this program.
    ///
    /// # Errors
    /// It has no exercises.
    pub fn open() -> io::Result<Course> {
        let here = env::var_os("CARGO_MANIFEST_DIR");
        let here = PathBuf::from(here.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()));
        let root = here.parent().unwrap_or(&here).to_owned();
        if !root.join("exercises").is_dir() {
            let what = format!("there are no exercises in {}", root.display());
            return Err(io::Error::new(ErrorKind::NotFound, what));
        }
        let progress = Progress::load(&root);
        Ok(Course { root, progress })
    }

    /// The folder of the checkout.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The exercise to be done now: the one the student has last turned to, as long as it has not
    /// passed; then the next that has not.
    fn current(&self) -> Option<&'static Exercise> {
        let chosen = EXERCISES
            .iter()
            .find(|exercise| self.progress.current == exercise.name);
        chosen
            .filter(|exercise| !self.has_passed(exercise))
            .or_else(|| self.next_after(chosen))
    }

    /// The first after this one that has not passed, else the first of all.
    fn next_after(&self, exercise: Option<&Exercise>) -> Option<&'static Exercise> {
        let number = exercise.map_or(0, |exercise| exercise.number);
        let mut open = EXERCISES
            .iter()
            .filter(|exercise| !self.has_passed(exercise));
        open.clone()
            .find(|exercise| exercise.number > number)
            .or_else(|| open.next())
    }

    fn has_passed(&self, exercise: &Exercise) -> bool {
        self.progress.of(exercise.name).passed.is_some()
    }

    /// The exercises of these names; the current one if there is none, all if it is `all`.
    fn all_named(&self, names: &[String]) -> io::Result<Vec<&'static Exercise>> {
        match names {
            [] => Ok(vec![self.named(None)?]),
            [name] if name == "all" => Ok(EXERCISES.iter().collect()),
            names => names.iter().map(|name| find(name)).collect(),
        }
    }

    /// The exercise of this name, or the current one.
    fn named(&self, name: Option<&str>) -> io::Result<&'static Exercise> {
        match name {
            Some(name) => find(name),
            None => self.current().ok_or_else(|| {
                io::Error::new(
                    ErrorKind::InvalidInput,
                    "all exercises are done: give a name",
                )
            }),
        }
    }
}

/// `echo`, `3`, `03`, `03_echo`, or the path of its file.
///
/// # Errors
/// [`ErrorKind::InvalidInput`], with the nearest name, if there is one.
pub fn find(name: &str) -> io::Result<&'static Exercise> {
    let given = name
        .rsplit('/')
        .next()
        .unwrap_or(name)
        .trim_end_matches(".rs");
    let is = |exercise: &&Exercise| {
        given == exercise.name
            || given == exercise.file_stem()
            || given.parse() == Ok(exercise.number)
    };
    EXERCISES.iter().find(is).ok_or_else(|| {
        let is_of_a_number = |c: char| c.is_ascii_digit() || c == '_'; // as in `03_ehco`
        let given = given.trim_start_matches(is_of_a_number);
        let names = EXERCISES.iter().map(|exercise| exercise.name);
        let did_you_mean = did_you_mean(given, names)
            .unwrap_or_else(|| "`cargo workshop list` shows their names".to_owned());
        let what = format!("there is no exercise `{name}`; {did_you_mean}");
        io::Error::new(ErrorKind::InvalidInput, what)
    })
}

/// Asks whether the nearest of these names was meant, if one is near.
pub(crate) fn did_you_mean<'a>(
    given: &str,
    names: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let similarity = |name: &&str| (strsim::jaro_winkler(name, given) * 1000.0) as u32;
    let nearest = names.max_by_key(similarity);
    let nearest = nearest.filter(|name| similarity(name) > 650)?;
    Some(format!("did you mean `{nearest}`?"))
}
