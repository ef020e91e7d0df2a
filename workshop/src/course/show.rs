//! What the command prints: where one is, the list, hints, and what came of a check.

use std::io;

use serde::Serialize;
use socket_workshop::{
    command::{complain, is_reader_gone},
    say,
};

use super::{
    Course, Status, Telling,
    examine::{Examined, built, examine},
    progress::Count,
    segments::Segments,
};

use crate::{
    checks::{EXERCISES, Exercise},
    exam::{Level, Printer, Report},
};

impl Course {
    /// Where the student is, what is next, and how to go on; a welcome the first time.
    ///
    /// # Errors
    /// The output is closed.
    pub fn overview(&mut self) -> io::Result<()> {
        if self.progress.is_new {
            welcome()?;
            self.progress.save();
        }
        let passed = EXERCISES
            .iter()
            .filter(|exercise| self.has_passed(exercise))
            .count();
        say!("{passed} of {} exercises are done.", EXERCISES.len())?;
        let Some(next) = self.current() else {
            return say!("That was the last one. `cargo workshop list` shows them all.");
        };
        say!("Next is {}, `{}`: {}.", next.number, next.name, next.task)?;
        say!()?;
        say!("    cargo run --example {:<12} its lesson", next.name)?;
        say!("    {:<32} the file to edit", next.path())?;
        say!("    cargo workshop watch             examines it whenever you save")?;
        say!(
            "    cargo workshop check {:<11} examines it once",
            next.name
        )?;
        say!(
            "    cargo workshop hint {:<12} helps, a little more each time",
            next.name
        )
    }

    /// All exercises.
    ///
    /// # Errors
    /// The output is closed.
    pub fn list(&self) -> io::Result<()> {
        say!(
            "    {:<15} {:<24} {:>6} {:>9}",
            "exercise",
            "",
            "core",
            "hardened"
        )?;
        for exercise in EXERCISES {
            let done = self.progress.of(exercise.name);
            let text = self.text(exercise).ok();
            let state = match (&done.passed, done.score) {
                _ if done.hardened.is_some() && done.hardened == text => {
                    "done, and hardened".to_owned()
                }
                (Some(_), _) if done.passed == text => "done".to_owned(),
                (Some(_), _) => "changed since it passed".to_owned(),
                (None, Some(score)) if score.not_made() > 0 => {
                    format!("not yet: {} not made here", score.not_made())
                }
                (None, Some(_)) => "not yet".to_owned(),
                (None, None) => "not tried yet".to_owned(),
            };
            let here = self
                .current()
                .is_some_and(|current| current.name == exercise.name);
            let mark = if here { ">" } else { " " };
            let score = done.score.unwrap_or_default();
            let of_level = |count: Count, level: Level| {
                format!("{}/{}", count.passed, exercise.checks_of(level))
            };
            let core = of_level(score.core, Level::Core);
            let hardened = of_level(score.hardened, Level::Hardened);
            let stem = exercise.file_stem();
            say!("{mark}   {stem:<15} {state:<24} {core:>6} {hardened:>9}")?;
        }
        say!("\nAn exercise is done when its core checks pass. Its lesson has the same name:")?;
        say!("    cargo run --example NAME")
    }

    /// One hint more than the last time.
    ///
    /// # Errors
    /// There is no such exercise.
    pub fn hint(&mut self, name: Option<&str>) -> io::Result<()> {
        let exercise = self.named(name)?;
        let given = self.progress.of(exercise.name).hints;
        let number = given.min(exercise.hints.len() - 1);
        self.progress
            .change(exercise.name, |done| done.hints = number + 1);
        let hint = textwrap::fill(exercise.hints[number], 84);
        say!(
            "{}, hint {} of {}:",
            exercise.name,
            number + 1,
            exercise.hints.len()
        )?;
        say!("{hint}")?;
        if given >= exercise.hints.len() {
            say!(
                "\nThat was the last hint. `cargo workshop solution {}` goes further.",
                exercise.name
            )?;
        }
        Ok(())
    }

    /// Examines exercises: those named, all if the name is `all`, or the current one.
    ///
    /// # Errors
    /// There is no such exercise, or it cannot be built or run at all.
    pub fn check(&mut self, names: &[String], telling: Telling) -> io::Result<Status> {
        let (mut status, json) = (Status::Passed, telling == Telling::Json);
        let mut segments = None;
        for exercise in self.all_named(names)? {
            let mut teller = Printer::on_stdout().in_full(telling == Telling::InFull);
            let tell_now = |report: &Report| match teller.take(report.clone()) {
                Some(text) if !json => say!("{text}"),
                _ => Ok(()),
            };
            if !json {
                say!("{} ({})", exercise.name, exercise.path())?;
            }
            let text = self.text(exercise).unwrap_or_default(); // as it is when it is examined
            let examined = match self.examine(exercise, telling, &mut segments, tell_now) {
                Ok(examined) => examined,
                // What was left to be told is not known to have passed.
                Err(error) if is_reader_gone(&error) => return Ok(status.max(Status::NotChecked)),
                Err(error) => {
                    complain(&format!("workshop: {error}"));
                    status = status.max(Status::NotChecked);
                    continue; // the others can still be examined
                }
            };
            status = status.max(examined.status());
            match json {
                true => print_json(exercise, &examined)?,
                false => {
                    let failures = teller.end();
                    if !failures.is_empty() {
                        say!("{failures}\n")?;
                    }
                    self.conclude(exercise, &examined)?;
                    if telling == Telling::Page {
                        match self.show_failure(exercise, &text, &examined, segments.as_ref()) {
                            Err(error) if is_reader_gone(&error) => return Err(error),
                            Err(error) => complain(&format!("workshop: {error}")),
                            Ok(()) => {}
                        }
                    }
                }
            }
        }
        Ok(status)
    }

    /// Examines one, and remembers what came of it. For a page, takes the segments that pass: in
    /// a network that this process enters when the first exercise has been built, for cargo may
    /// need the other one.
    pub(super) fn examine(
        &mut self,
        exercise: &Exercise,
        telling: Telling,
        segments: &mut Option<Segments>,
        tell: impl FnMut(&Report) -> io::Result<()>,
    ) -> io::Result<Examined> {
        let text = self.text(exercise)?;
        let examined = match built(&self.root, exercise)? {
            None => Examined::DoesNotCompile,
            Some(program) => {
                let segments = (telling == Telling::Page)
                    .then(|| segments.get_or_insert_with(Segments::capture).again());
                examine(&program, exercise, telling, segments, tell)?
            }
        };
        exercise.name.clone_into(&mut self.progress.current);
        self.progress.change(exercise.name, |done| {
            let score = examined.score(exercise);
            done.score = Some(score);
            if score.is_hardened() {
                done.hardened = Some(text.clone());
            }
            if score.is_done() {
                done.passed = Some(text);
            }
        });
        Ok(examined)
    }

    /// The last line of an examination: how many passed, and what to do now.
    pub(super) fn conclude(&self, exercise: &Exercise, examined: &Examined) -> io::Result<()> {
        let name = exercise.name;
        let score = examined.score(exercise);
        let next = match self.current() {
            Some(next) => format!("Next is `{}`: cargo run --example {}", next.name, next.name),
            None => "That was the last one.".to_owned(),
        };
        match (examined, examined.status()) {
            (Examined::DoesNotCompile, _) => say!("{name} does not compile: the errors are above."),
            (_, Status::Passed) => say!("{name} is done, and hardened: {score}. {next}"),
            (_, Status::Failed) if score.is_done() => {
                say!("{name} is done: {score}.")?;
                say!("{next}")?;
                say!("Or go on here: the hardened rules are what production asks.")
            }
            (_, Status::NotChecked) => {
                say!("{name}: {score}.")?;
                say!("Why a check was not made is said above: check again, or on another machine.")
            }
            (_, Status::Failed) => {
                say!("{name}: {score}.")?;
                say!(
                    "`cargo workshop hint {name}` helps; `check {name} --hold` keeps the sockets \
                     for netstat."
                )
            }
        }
    }
}

fn welcome() -> io::Result<()> {
    say!(
        "Welcome to the Socket Workshop.

A lesson shows how sockets behave, and the kernel's own table as the witness. Its exercise is a
file in `exercises/` with a `todo!` in it, which you replace. The checks then run your code
against good and bad peers; when one fails they say what your socket did, as the kernel saw it.
Keep two terminals open: an editor in one, `cargo workshop watch` in the other.
"
    )
}

fn print_json(exercise: &Exercise, examined: &Examined) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        exercise: &'a str,
        file: String,
        status: &'a str,
        checks: &'a [Report],
    }
    let (status, checks) = match examined {
        Examined::DoesNotCompile => ("does_not_compile", &[][..]),
        Examined::Checked(reports) => match examined.status() {
            Status::Passed => ("passed", &reports[..]),
            Status::Failed => ("failed", &reports[..]),
            Status::NotChecked => ("not_checked", &reports[..]),
        },
    };
    let line = Line {
        exercise: exercise.name,
        file: exercise.path(),
        status,
        checks,
    };
    say!("{}", serde_json::to_string(&line)?)
}
