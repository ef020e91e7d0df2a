//! What has been done so far, in a file that git ignores. To lose it is to lose no work.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use socket_workshop::{command::complain, fault::Attempt};

/// Where the workshop keeps what is the student's: progress, and what `reset` has replaced.
pub(super) const FOLDER: &str = ".workshop";

/// What has been done, by exercise.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Progress {
    /// The exercise the student has last turned to.
    pub current: String,
    exercises: BTreeMap<String, Done>,
    #[serde(skip)]
    file: PathBuf,
    /// There was no file: this is the first start.
    #[serde(skip)]
    pub is_new: bool,
}

/// What has been done of one exercise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Done {
    /// The text of the file when it last passed every check of the core rules.
    pub passed: Option<String>,
    /// The text of the file when it last passed every check.
    pub hardened: Option<String>,
    /// The checks, the last time they were made.
    pub score: Option<Score>,
    /// Hints that have been given.
    pub hints: usize,
    /// The solution has been asked for.
    pub asked: bool,
}

/// How many checks passed of how many, by the level of their rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Score {
    pub core: Count,
    pub hardened: Count,
}

/// How many checks passed of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Count {
    pub passed: usize,
    /// The machine lacked what these need.
    pub not_made: usize,
    pub all: usize,
}

impl Score {
    /// Whether every check of the core rules has passed: the exercise is done.
    pub fn is_done(self) -> bool {
        self.core.is_complete()
    }

    /// Whether every check has passed.
    pub fn is_hardened(self) -> bool {
        self.core.is_complete() && self.hardened.is_complete()
    }

    /// How many checks could not be made here.
    pub fn not_made(self) -> usize {
        self.core.not_made + self.hardened.not_made
    }
}

impl Count {
    fn is_complete(self) -> bool {
        self.passed == self.all
    }
}

/// `4 of 7`.
impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.passed, self.all)
    }
}

/// `4 of 7 core checks passed, 2 of 5 hardened`.
impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Score { core, hardened } = self;
        write!(f, "{core} core checks passed, {hardened} hardened")?;
        match self.not_made() {
            0 => Ok(()),
            not_made => write!(f, "; {not_made} could not be made here"),
        }
    }
}

impl Progress {
    /// What the file says. One that cannot be understood is set aside, with a message.
    pub fn load(root: &Path) -> Progress {
        let file = root.join(FOLDER).join("progress.json");
        let (mut progress, is_new) = match fs::read(&file) {
            Ok(bytes) => (parse_or_set_aside(&bytes, &file), false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Progress::default(), true),
            Err(error) => {
                complain(&format!(
                    "cannot read {}: {error}: starting over",
                    file.display()
                ));
                (Progress::default(), false)
            }
        };
        progress.file = file;
        progress.is_new = is_new;
        progress
    }

    /// What has been done of this exercise.
    pub fn of(&self, exercise: &str) -> Done {
        self.exercises.get(exercise).cloned().unwrap_or_default()
    }

    /// Changes what has been done of an exercise, and saves it.
    pub fn change(&mut self, exercise: &str, change: impl FnOnce(&mut Done)) {
        change(self.exercises.entry(exercise.to_owned()).or_default());
        self.save();
    }

    /// Writes the file in one step, so that no half of it is ever read. A file that cannot be
    /// written is reported, and the command goes on.
    pub fn save(&mut self) {
        self.is_new = false;
        if let Err(error) = self.write() {
            complain(&format!("workshop: progress is not saved: {error}"));
        }
    }

    fn write(&self) -> io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let new = self.file.with_extension("new");
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&new, serde_json::to_vec_pretty(self)?))
            .and_then(|()| fs::rename(&new, &self.file))
            .attempt(|| format!("cannot write {}", self.file.display()))
    }
}

fn parse_or_set_aside(bytes: &[u8], file: &Path) -> Progress {
    serde_json::from_slice(bytes).unwrap_or_else(|error| {
        let aside = file.with_extension("damaged");
        let kept = match fs::rename(file, &aside) {
            Ok(()) => format!("it is kept as {}", aside.display()),
            Err(error) => format!("and cannot be set aside: {error}"),
        };
        complain(&format!(
            "workshop: {} is damaged ({error}): starting over; {kept}",
            file.display()
        ));
        Progress::default()
    })
}
