//! Builds an exercise and runs its program, which examines it.

use std::{
    io::{self, Read},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::wait::{Id, WaitPidFlag, WaitStatus, waitid},
    unistd::Pid,
};
use socket_workshop::{deadline::Deadline, fault::Attempt};

use super::{
    Status, Telling,
    progress::{Count, Score},
    segments::Segments,
};

use crate::{
    build::build,
    checks::Exercise,
    exam::{CEILING, Failure, Level, Orphans, Outcome, Report},
};

/// When an exercise's program is killed. It ends before: it gives each of its checks less time, and
/// makes them at once.
const LIMIT: Duration = CEILING.saturating_add(Duration::from_secs(30));

/// How often it is looked at: it may have been stopped.
const LOOK_AFTER: Duration = Duration::from_millis(100);

/// How long a program that has closed its stdout may take to end. Generous: the machine may be
/// busy.
const A_MOMENT: Duration = Duration::from_secs(5);

/// A longer line is not a report.
const LINE: usize = 4 << 20;

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
            Outcome::Skipped { .. } => Status::NotChecked,
            Outcome::Failed(_) | Outcome::Todo { .. } => Status::Failed,
        };
        reports
            .iter()
            .map(status)
            .max()
            .unwrap_or(Status::NotChecked)
    }

    /// How many checks passed, how many could not be made here, and how many there are.
    pub fn score(&self, exercise: &Exercise) -> Score {
        let reports = match self {
            Examined::DoesNotCompile => &[][..],
            Examined::Checked(reports) => reports,
        };
        let of_level = |level: Level| {
            let reports = reports.iter().filter(|report| report.rule.level == level);
            let count = |is: fn(&Outcome) -> bool| {
                let reports = reports.clone();
                reports.filter(|report| is(&report.outcome)).count()
            };
            Count {
                passed: count(|outcome| *outcome == Outcome::Passed),
                not_made: count(|outcome| matches!(outcome, Outcome::Skipped { .. })),
                all: exercise.checks_of(level),
            }
        };
        Score {
            core: of_level(Level::Core),
            hardened: of_level(Level::Hardened),
        }
    }
}

/// Builds the program of an exercise. `None` if it does not compile.
pub(super) fn built(root: &Path, exercise: &Exercise) -> io::Result<Option<PathBuf>> {
    build(root, &["-p", "exercises", "--test", exercise.name])
}

/// Examines, by the exercise's program; hands each report on as it comes, and takes the segments
/// that pass.
pub(super) fn examine(
    program: &Path,
    exercise: &Exercise,
    telling: Telling,
    mut segments: Option<&mut Segments>,
    mut tell: impl FnMut(&Report) -> io::Result<()>,
) -> io::Result<Examined> {
    let mut command = Command::new(program);
    // A socket: a pipe could be opened by others, as `/proc/PID/fd/1`.
    let (stdout, theirs) = UnixStream::pair()?;
    command.arg("--json").stdout(OwnedFd::from(theirs));
    command.args((telling == Telling::Page).then_some("--trace"));
    let limit = match telling {
        Telling::Holding => {
            command.arg("--hold").stdin(Stdio::inherit());
            Duration::MAX
        }
        _ => {
            // A signal to the examiner's process group must not reach this program, and its shell.
            command.process_group(0).stdin(Stdio::null());
            LIMIT
        }
    };
    let orphans = Orphans::adopt(); // of an examiner that is killed
    let mut child = orphans
        .spawn(&mut command)
        .attempt(|| format!("cannot run {}", program.display()))?;
    drop(command); // with the other end of stdout
    let mut reports = Vec::new();
    let deadline = Deadline::after(limit);
    let end = read_reports(&child, &stdout, deadline, &mut segments, |report| {
        tell(&report)?;
        reports.push(report);
        Ok(())
    });
    if let Ok(End::OfFile) = end {
        Deadline::after(A_MOMENT).wait_for(|| child.try_wait())?;
    }
    let status = orphans
        .end(&mut child)
        .attempt(|| format!("cannot wait for {}", program.display()))?;
    drop(orphans);
    let (seen, by_a_signal) = match end? {
        End::OfFile => (format!("it has ended: {status}"), status.code().is_none()),
        End::Stopped => ("it was stopped by a signal (SIGSTOP)".to_owned(), true),
        End::Late => (format!("it had not ended after {limit:?}"), false),
        End::TooMuch => (
            "it printed megabytes that are not a report".to_owned(),
            false,
        ),
    };
    let cause = by_a_signal.then_some(
        "If your code sends signals to other processes, remove that. If it does not, another \
         program on this machine sent this one: check again.",
    );
    if reports.is_empty() && status.code().is_some() {
        let what = format!("`main` of {} has made no check", exercise.path());
        return Err(io::Error::other(what));
    }
    for report in missing(exercise, &reports, &seen, cause) {
        tell(&report)?;
        reports.push(report);
    }
    Ok(Examined::Checked(reports))
}

/// Why the reports of an exercise's program have ended.
enum End {
    OfFile,
    Stopped,
    Late,
    TooMuch,
}

/// Hands on the reports of an exercise's program, until it has closed its stdout, or must be
/// killed.
fn read_reports(
    child: &Child,
    mut stdout: &UnixStream,
    deadline: Deadline,
    segments: &mut Option<&mut Segments>,
    mut take: impl FnMut(Report) -> io::Result<()>,
) -> io::Result<End> {
    let (mut line, mut buf, mut was_stopped) = (Vec::new(), [0; 16 << 10], false);
    while !deadline.passed() {
        if let Some(segments) = segments {
            segments.take();
        }
        let passed = segments.as_ref().and_then(|segments| segments.fd());
        let ready = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds = vec![ready(stdout.as_fd())];
        fds.extend(passed.map(ready));
        let patience = PollTimeout::try_from(LOOK_AFTER).unwrap_or(PollTimeout::ZERO);
        match poll(&mut fds, patience) {
            // Twice in a row: Ctrl-Z and `fg` stop and continue both programs, but not in one
            // instant.
            Ok(0) if is_stopped(child) && was_stopped => return Ok(End::Stopped),
            Ok(0) => {
                was_stopped = is_stopped(child);
                continue;
            }
            Err(Errno::EINTR) => continue,
            Ok(_) if fds[0].any() == Some(false) => continue, // only segments
            Ok(_) => {}
            Err(errno) => return Err(errno.into()),
        }
        let n = match stdout.read(&mut buf) {
            Ok(0) => return Ok(End::OfFile),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        line.extend(&buf[..n]);
        while let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            let rest = line.split_off(end + 1);
            if let Ok(report) = serde_json::from_slice::<Report>(&line) {
                take(report)?;
            }
            line = rest;
        }
        if line.len() > LINE {
            return Ok(End::TooMuch);
        }
    }
    Ok(End::Late)
}

/// Whether a signal has stopped it. It stays stopped: nothing continues it.
fn is_stopped(child: &Child) -> bool {
    let pid = Pid::from_raw(child.id().cast_signed());
    let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
    matches!(waitid(Id::Pid(pid), flags), Ok(WaitStatus::Stopped(..)))
}

/// The checks of which nothing was heard: they have not passed.
fn missing<'a>(
    exercise: &Exercise,
    reports: &[Report],
    seen: &'a str,
    cause: Option<&'a str>,
) -> impl Iterator<Item = Report> + use<'a> {
    let rules = (exercise.rules)().into_iter();
    let checks =
        rules.flat_map(|(rule, checks)| checks.into_iter().map(move |name| (rule.clone(), name)));
    let mut missing: Vec<_> = checks.collect();
    missing.retain(|(_, name)| reports.iter().all(|report| report.check != *name));
    missing.into_iter().map(move |(rule, name)| Report {
        check: name.to_owned(),
        rule,
        outcome: Outcome::Failed(Failure {
            places: Vec::new(),
            steps: Vec::new(),
            expected: "the examiner to report this check".to_owned(),
            seen: seen.to_owned(),
            bytes: None,
            kernel: Vec::new(),
            cause: cause.map(str::to_owned),
            look: None,
            trace: None,
        }),
        milliseconds: 0,
        printed: String::new(),
        printed_bytes: 0,
    })
}
