//! The files around an exercise: its starter, its solution, and what `reset` keeps.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use socket_workshop::{fault::Attempt, say};

use super::{Course, progress::FOLDER};

use crate::checks::{EXERCISES, Exercise};

impl Course {
    pub(super) fn path(&self, exercise: &Exercise) -> PathBuf {
        self.root.join(exercise.path())
    }

    pub(super) fn text(&self, exercise: &Exercise) -> io::Result<String> {
        read(&self.path(exercise)).map_err(|error| {
            let advice = format!(
                "{error} (`cargo workshop reset {}` restores the starter)",
                exercise.name
            );
            io::Error::new(error.kind(), advice)
        })
    }

    /// Shows the solution: after the exercise has passed, or when it is asked for a second time.
    ///
    /// # Errors
    /// There is no such exercise, or its solution cannot be read.
    pub fn solution(&mut self, name: Option<&str>) -> io::Result<()> {
        let exercise = self.named(name)?;
        if !self.has_passed(exercise) && !self.progress.of(exercise.name).asked {
            self.progress
                .change(exercise.name, |done| done.asked = true);
            if self.progress.of(exercise.name).hints < exercise.hints.len() {
                say!(
                    "`{}` has not passed yet, and there is more to learn from a hint:",
                    exercise.name
                )?;
                say!("    cargo workshop hint {}", exercise.name)?;
            } else {
                say!("`{}` has not passed yet.", exercise.name)?;
            }
            return say!("Ask again to see the solution all the same.");
        }
        let path = format!("solutions/{}.rs", exercise.file_stem());
        let text = read(&self.root.join(&path))?;
        say!("{path}:\n\n{}", text.trim_end())
    }

    /// Puts the starter in the place of what is in an exercise's file, and keeps that.
    ///
    /// # Errors
    /// There is no such exercise, or a file cannot be written: then nothing has been lost.
    pub fn reset(&mut self, name: Option<&str>, all: bool) -> io::Result<()> {
        if !all {
            let exercise = self.named(name)?;
            return self.reset_one(exercise);
        }
        EXERCISES
            .iter()
            .try_for_each(|exercise| self.reset_one(exercise))
    }

    fn reset_one(&mut self, exercise: &Exercise) -> io::Result<()> {
        let (file, path) = (self.path(exercise), exercise.path());
        let starter = self
            .root
            .join(format!("workshop/exercises/{}/starter.rs", exercise.name));
        let (starter, text) = (read(&starter)?, fs::read_to_string(&file));
        self.progress
            .change(exercise.name, |done| *done = Default::default());
        let kept = match text {
            Ok(text) if text == starter => return say!("{path} is as it was at the beginning"),
            Ok(text) => format!(
                "; what was there is kept as {}",
                self.keep(exercise, &text)?
            ),
            Err(_) => String::new(), // there is nothing to keep
        };
        fs::write(&file, starter).attempt(|| format!("cannot write {path}"))?;
        say!("{path} is as it was at the beginning{kept}")
    }

    /// A copy under a name that is still free.
    fn keep(&self, exercise: &Exercise, text: &str) -> io::Result<String> {
        let folder = self.root.join(FOLDER).join("kept");
        fs::create_dir_all(&folder).attempt(|| format!("cannot make {}", folder.display()))?;
        for number in 1.. {
            let name = format!("{}.{number}.rs", exercise.file_stem());
            let path = folder.join(&name);
            let file = fs::File::create_new(&path);
            match file.and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes())) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                written => {
                    written.attempt(|| format!("cannot write {}", path.display()))?;
                    return Ok(format!("{FOLDER}/kept/{name}"));
                }
            }
        }
        unreachable!("some number is free")
    }
}

fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path).attempt(|| format!("cannot read {}", path.display()))
}
