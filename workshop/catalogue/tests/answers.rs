//! The checks, checked: every wrong answer is rejected by the check that is about its mistake, for
//! the cause that is about it; every solution and every other right answer passes all checks; every
//! starter, which is what `reset` puts into `exercises/`, fails them by its `todo!` and in no other
//! way.
//!
//! Comments in a wrong answer mark the lines at which its threads hang, spin, wait or panic
//! (`lines`). If `workshop/exercises/EXERCISE/kept/NAME.txt` exists, it is the whole text of the
//! failure, with ports, descriptors and times made constant. `UPDATE=1 cargo test -p catalogue`
//! writes it again. `causes/NAME.txt` is only the cause, as the book shows it (`{{#mistake}}`); its
//! figures may differ from run to run.
//!
//! Every answer is in this one program, which runs itself, with the answer's name in `ANSWER`, as
//! an exercise of its own.

#![allow(
    missing_docs,
    clippy::all,
    reason = "answers are no library, and some are odd on purpose"
)]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use libtest_mimic::{Arguments, Failed, Trial};
use socket_workshop::namespace;
use workshop::{
    checks,
    exam::{Outcome, Report, full_text},
};

mod contradictions;
mod lines;

/// How many buckets the kernel's table of connections has in the network of an answer.
const BUCKETS: u32 = 256;

struct Answer {
    kind: Kind,
    exercise: &'static str,
    name: &'static str,
    /// The name of its trial, such as `wrong_answers/echo/shouts`.
    trial: &'static str,
    /// The path of its program, which may have been made of an edit.
    file: &'static str,
    source: &'static str,
    /// The check that must reject a wrong answer, and a part of the cause.
    rejected_by: &'static str,
    cause: &'static str,
    examine: fn() -> ExitCode,
}

/// What an answer must show.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Wrong,
    Right,
    Starter,
}

// The modules of the answers, and `ANSWERS`: `build.rs` writes them.
include!(concat!(env!("OUT_DIR"), "/answers.rs"));

fn main() -> ExitCode {
    if let Ok(name) = env::var("ANSWER") {
        // A look at the socket table is cheap there: it has few buckets, and no sockets of other
        // answers. Where the kernel refuses, the machine's network does as well.
        let _own_network = namespace::enter_with_buckets(BUCKETS);
        let answer = ANSWERS.iter().find(|answer| answer.trial == name);
        return (answer
            .expect("the test names an answer of the list")
            .examine)();
    }
    let mut arguments = Arguments::from_args();
    // Most of them hang, for that is their mistake: many can hang at once.
    arguments.test_threads = arguments.test_threads.or(Some(12));
    let mut trials = vec![
        Trial::test("nothing_is_left_of_an_answer", nothing_is_left_of_an_answer),
        Trial::test("each_check_rejects_a_mistake", each_check_rejects_a_mistake),
        Trial::test("each_program_stands_alone", each_program_stands_alone),
        Trial::test("contradictions_are_found", || {
            contradictions::contradictions_are_found();
            Ok(())
        }),
        Trial::test("marks_are_read", || {
            lines::marks_are_read();
            Ok(())
        }),
    ];
    trials.extend(ANSWERS.iter().map(|answer| {
        let verdict = match answer.kind {
            Kind::Wrong => is_rejected_for_its_mistake,
            Kind::Right => passes_every_check,
            Kind::Starter => is_still_to_be_written,
        };
        Trial::test(answer.trial, move || verdict(answer))
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A check that rejects no wrong answer shows nothing. Nor does one that no longer exists.
fn each_check_rejects_a_mistake() -> Result<(), Failed> {
    let mut checks: BTreeSet<(&str, &str)> = checks::EXERCISES
        .iter()
        .flat_map(|exercise| {
            exercise
                .checks()
                .into_iter()
                .map(|check| (exercise.name, check))
        })
        .collect();
    let wrong = ANSWERS.iter().filter(|answer| answer.kind == Kind::Wrong);
    for answer in wrong {
        checks.remove(&(answer.exercise, answer.rejected_by));
    }
    match checks.is_empty() {
        true => Ok(()),
        false => Err(format!("no wrong answer is rejected by {checks:?}").into()),
    }
}

/// A program that uses another one does not compile in `exercises/`, where a reader copies it.
fn each_program_stands_alone() -> Result<(), Failed> {
    for answer in ANSWERS {
        let uses_another = |line: &&str| line.contains("crate::") || line.contains("super::");
        if let Some(line) = answer.source.lines().find(uses_another) {
            return Err(format!("{}: `{}`", answer.trial, line.trim()).into());
        }
    }
    Ok(())
}

fn is_rejected_for_its_mistake(answer: &Answer) -> Result<(), Failed> {
    let (check, cause) = (answer.rejected_by, answer.cause);
    let reports = examine(answer, &[check])?;
    let report = reports.iter().find(|report| report.check == check);
    let report = report.ok_or_else(|| format!("there is no check `{check}`"))?;
    let text = full_text(report);
    if is_too_busy(report) {
        return Ok(());
    }
    match &report.outcome {
        Outcome::Failed(failure) if failure.cause.as_ref().is_some_and(|is| is.contains(cause)) => {
        }
        _ => return Err(format!("expected the cause `{cause}`:\n{text}").into()),
    }
    has_no_contradiction(report)?;
    shows_the_marked_lines(answer, report)?;
    gives_the_cause_of_the_book(answer, report)?;
    let kept = kept(answer);
    if !kept.exists() {
        return Ok(());
    }
    let text = constant(&tell_with_short_paths(report));
    let is_same = fs::read_to_string(&kept)? == text;
    match env::var_os("UPDATE") {
        // A file that is written again makes cargo compile all answers again.
        _ if is_same => Ok(()),
        Some(_) => Ok(fs::write(kept, text)?),
        None => Err(format!("not as in {}:\n{text}", kept.display()).into()),
    }
}

/// The cause is the one that the book shows, but for figures.
fn gives_the_cause_of_the_book(answer: &Answer, report: &Report) -> Result<(), Failed> {
    let file = beside(answer, "causes");
    let (Outcome::Failed(failure), true) = (&report.outcome, file.exists()) else {
        return Ok(());
    };
    let cause = failure.cause.as_deref().unwrap_or_default();
    let cause = constant(&cause.replace('\n', " ")).trim().to_owned() + "\n";
    let words = |text: &str| text.replace(|c: char| c.is_ascii_digit() || c == '.', "");
    let is_same = words(&fs::read_to_string(&file)?) == words(&cause);
    match env::var_os("UPDATE") {
        _ if is_same => Ok(()),
        Some(_) => Ok(fs::write(file, cause)?),
        None => Err(format!("not as in {}:\n{cause}", file.display()).into()),
    }
}

/// A rule about time could not be timed, or a check was starved: nothing is known of the answer.
fn is_too_busy(report: &Report) -> bool {
    matches!(&report.outcome, Outcome::Skipped { why } if why.starts_with("the machine is too busy"))
}

/// No failure may have a cause that its own evidence excludes.
fn has_no_contradiction(report: &Report) -> Result<(), Failed> {
    let Outcome::Failed(failure) = &report.outcome else {
        return Ok(());
    };
    match contradictions::contradictions(failure)[..] {
        [] => Ok(()),
        [first, ..] => Err(format!("a contradiction: {first}\n{}", full_text(report)).into()),
    }
}

/// The lines that a failure shows are those that the answer says.
fn shows_the_marked_lines(answer: &Answer, report: &Report) -> Result<(), Failed> {
    let Outcome::Failed(failure) = &report.outcome else {
        return Ok(());
    };
    match lines::wrong_place(answer.source, answer.file, failure) {
        None => Ok(()),
        Some(wrong) => Err(format!("{wrong}\n{}", full_text(report)).into()),
    }
}

fn passes_every_check(answer: &Answer) -> Result<(), Failed> {
    let reports = examine(answer, &[])?;
    let not_passed =
        |report: &&Report| matches!(report.outcome, Outcome::Failed(_) | Outcome::Todo { .. });
    match reports.iter().find(not_passed) {
        Some(report) => Err(full_text(report).into()),
        None if reports.is_empty() => Err("no check was made".into()),
        None => Ok(()),
    }
}

/// A starter fails every check by its `todo!`, and in no other way.
fn is_still_to_be_written(answer: &Answer) -> Result<(), Failed> {
    let reports = examine(answer, &[])?;
    let otherwise = |report: &&Report| !matches!(report.outcome, Outcome::Todo { .. });
    match reports.iter().find(otherwise) {
        Some(report) => Err(full_text(report).into()),
        None if reports.is_empty() => Err("no check was made".into()),
        None => Ok(()),
    }
}

/// Runs the checks whose names contain one of these parts, or all.
fn examine(answer: &Answer, parts: &[&str]) -> Result<Vec<Report>, Failed> {
    let output = Command::new(env::current_exe()?)
        .env("ANSWER", answer.trial)
        .args(parts)
        .arg("--json")
        .output()?;
    let reports = String::from_utf8(output.stdout)?;
    Ok(reports
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?)
}

/// A program that an answer has started is killed with it.
fn nothing_is_left_of_an_answer() -> Result<(), Failed> {
    let seconds = format!("3600.{}", std::process::id()); // no other test's
    let checks = Command::new(env::current_exe()?)
        .env("ANSWER", "right_answers/echo/leaves_a_process_behind")
        .env("LEFT_BEHIND", &seconds)
        .arg("ends at end of file")
        .output()?;
    assert!(
        checks.status.success(),
        "{}",
        String::from_utf8_lossy(&checks.stdout)
    );
    for process in fs::read_dir("/proc")?.flatten() {
        let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command);
        if command.contains("sleep") && command.contains(&seconds) {
            return Err(format!("still running: {command}").into());
        }
    }
    Ok(())
}

/// Where the text of this answer's failure is kept, if it is.
fn kept(answer: &Answer) -> PathBuf {
    beside(answer, "kept")
}

/// A text about this answer in this folder of its exercise.
fn beside(answer: &Answer, folder: &str) -> PathBuf {
    let folder = format!("workshop/exercises/{}/{folder}", answer.exercise);
    let file = Path::new(env!("CHECKOUT")).join(folder).join(answer.name);
    file.with_extension("txt")
}

/// The failure with short paths, so that it is the same on each machine: a program that an edit
/// makes is `echo/shouts.rs`, other paths begin at the checkout.
fn tell_with_short_paths(report: &Report) -> String {
    let programs = concat!(env!("OUT_DIR"), "/mistakes/");
    let checkout = concat!(env!("CHECKOUT"), "/");
    let mut report = report.clone();
    if let Outcome::Failed(failure) = &mut report.outcome {
        let seen = failure.seen.replace(programs, "");
        failure.seen = seen.replace(checkout, "");
    }
    let text = full_text(&report).replace(programs, "");
    // The picture of a line shows its path from the checkout.
    match programs.strip_prefix(checkout) {
        Some(programs) => text.replace(programs, ""),
        None => text,
    }
}

/// How much CPU time a spin took, which differs from run to run, as `N ms`.
fn without_cpu_time(line: &str) -> String {
    match line.split_once(" ms of CPU time") {
        Some((before, after)) => {
            let before = before.trim_end_matches(|c: char| c.is_ascii_digit());
            format!("{before}N ms of CPU time{after}")
        }
        None => line.to_owned(),
    }
}

/// Where in its loop a thread that spins is found differs from run to run.
fn without_place_of_a_spin(text: &str) -> String {
    let is_place =
        |part: &&str| part.trim_start().starts_with("-->") && part.contains("runs again and again");
    let parts: Vec<&str> = text.split("\n\n").filter(|part| !is_place(part)).collect();
    parts.join("\n\n")
}

/// The text without what differs from run to run: ports become `port1`, `port2`, … in the order in
/// which they appear, descriptors `fd N`, and the time it took goes.
fn constant(text: &str) -> String {
    let mut ports: Vec<String> = Vec::new();
    let mut constant = String::new();
    for line in without_place_of_a_spin(text).lines() {
        let line = match line.split_once("  ") {
            Some(("FAILED", name)) => {
                let name = name.trim_start().split("  ").next(); // behind it is the time
                &format!("FAILED    {}", name.unwrap_or_default())
            }
            _ => &without_cpu_time(line),
        };
        let mut words = Vec::new();
        for word in line.split(' ') {
            let end = word.trim_end_matches(|c: char| !c.is_ascii_digit());
            let start = end.trim_end_matches(|c: char| c.is_ascii_digit());
            let (number, after) = (&end[start.len()..], &word[end.len()..]);
            let is_port = start.ends_with(':') || ports.iter().any(|port| port == number);
            words.push(
                if !number.is_empty()
                    && words
                        .last()
                        .is_some_and(|last| last == "fd" || last == "descriptor")
                {
                    format!("{start}N{after}")
                } else if is_port && number.len() > 3 {
                    let known = ports.iter().position(|port| port == number);
                    let index = known.unwrap_or_else(|| {
                        ports.push(number.to_owned());
                        ports.len() - 1
                    });
                    format!("{start}port{}{after}", index + 1)
                } else {
                    word.to_owned()
                },
            );
        }
        constant += words.join(" ").trim_end();
        constant.push('\n');
    }
    constant
}
