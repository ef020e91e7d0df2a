//! Builds an exercise and runs its program, which examines it.

use std::{
    env,
    ffi::OsString,
    io::{self, BufRead, BufReader, IsTerminal},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde::Deserialize;
use socket_workshop::{deadline::Deadline, fault::Attempt};

use super::{Status, Telling};

use crate::{
    checks::Exercise,
    exam::{Outcome, Report},
};

/// An exercise's program ends long before this: each of its checks is killed at its own limit.
const LIMIT: Duration = Duration::from_secs(60);

/// What came of an examination.
#[derive(Debug)]
pub(super) enum Examined {
    /// Cargo has said why, on stderr.
    DoesNotCompile,
    /// The checks, as far as they came.
    Checked(Vec<Report>),
}

impl Examined {
    pub fn status(&self) -> Status {
        let Examined::Checked(reports) = self else {
            return Status::Failed;
        };
        let status = |report: &Report| match report.outcome {
            Outcome::Passed => Status::Passed,
            Outcome::NotHere { .. } => Status::NotChecked,
            Outcome::Failed(_) | Outcome::Todo { .. } => Status::Failed,
        };
        reports
            .iter()
            .map(status)
            .max()
            .unwrap_or(Status::NotChecked)
    }

    /// How many checks passed, and how many there are.
    pub fn score(&self, exercise: &Exercise) -> (usize, usize) {
        let passed = match self {
            Examined::DoesNotCompile => 0,
            Examined::Checked(reports) => reports
                .iter()
                .filter(|report| report.outcome == Outcome::Passed)
                .count(),
        };
        (passed, (exercise.checks)().len())
    }
}

/// Builds and examines; hands each report on as it comes.
pub(super) fn examine(
    root: &Path,
    exercise: &Exercise,
    telling: Telling,
    mut tell: impl FnMut(&Report) -> io::Result<()>,
) -> io::Result<Examined> {
    let Some(program) = build(root, exercise)? else {
        return Ok(Examined::DoesNotCompile);
    };
    let (hold, stdin, limit) = match telling {
        Telling::Holding => (Some("--hold"), Stdio::inherit(), Duration::MAX),
        _ => (None, Stdio::null(), LIMIT),
    };
    let mut child = Command::new(&program)
        .arg("--json")
        .args(hold)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .spawn()
        .attempt(|| format!("cannot run {}", program.display()))?;
    let stdout = child.stdout.take().expect("it is piped");
    let (sender, lines) = mpsc::channel();
    let reader = thread::spawn(move || {
        BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .for_each(|line| drop(sender.send(line)));
    });
    let (mut reports, deadline) = (Vec::new(), Deadline::after(limit));
    // The channel ends when the program does.
    while let Some(line) = deadline
        .remaining()
        .ok()
        .and_then(|left| lines.recv_timeout(left).ok())
    {
        if let Ok(report) = serde_json::from_str::<Report>(&line) {
            tell(&report)?;
            reports.push(report);
        }
    }
    let _ = child.kill();
    child
        .wait()
        .attempt(|| format!("cannot wait for {}", program.display()))?;
    reader.join().expect("it only reads");
    if reports.is_empty() {
        let what = format!("`main` of {} has made no check", exercise.path());
        return Err(io::Error::other(what));
    }
    Ok(Examined::Checked(reports))
}

/// The exercise's program, built by cargo, whose messages go to stderr as they are. `None` if it does
/// not compile.
fn build(root: &Path, exercise: &Exercise) -> io::Result<Option<PathBuf>> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let color = if io::stderr().is_terminal() {
        "always"
    } else {
        "never"
    };
    let output = Command::new(&cargo)
        .current_dir(root)
        .args([
            "build",
            "--quiet",
            "-p",
            "exercises",
            "--test",
            exercise.name,
        ])
        .args([
            "--message-format",
            "json-render-diagnostics",
            "--color",
            color,
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .attempt(|| format!("cannot run {}", cargo.display()))?;
    if !output.status.success() {
        return Ok(None);
    }
    let lines = output.stdout.lines().map_while(Result::ok);
    let messages = lines.filter_map(|line| serde_json::from_str::<Message>(&line).ok());
    let program = messages.filter_map(|message| message.executable).last();
    program
        .map(Some)
        .ok_or_else(|| io::Error::other("cargo has not said where the program is"))
}
