//! What came of a check, for people and for programs.

use std::{
    fmt,
    io::{self, IsTerminal},
    path::Path,
};

use anstyle::{AnsiColor, Effects, Style};
use serde::{Deserialize, Serialize};

use super::{
    place::{Marked, Spot, draw},
    rule::{Level, Stated},
    trace::Trace,
};

/// What came of one check.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Its name, which states a behaviour.
    pub check: String,
    /// The rule that it enforces.
    pub rule: Stated,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// The beginning of what the answer printed, stdout and stderr together.
    pub printed: String,
    /// How much that was in all, in bytes.
    pub printed_bytes: u64,
}

impl Report {
    /// What the answer printed: the beginning of the first lines, harmless to a terminal, and how
    /// much there was.
    #[must_use]
    pub fn printed_lines(&self) -> String {
        let mut lines = self.printed.lines().map(|line| {
            let mut shown = line.chars().flat_map(|c| match c.is_control() {
                true => c.escape_default().collect(),
                false => vec![c],
            });
            let start: String = shown.by_ref().take(WIDTH).collect();
            if shown.next().is_some() {
                start + "…"
            } else {
                start
            }
        });
        let first: Vec<String> = lines.by_ref().take(5).collect();
        let all = lines.next().is_none() && self.printed_bytes <= self.printed.len() as u64;
        let rest = if all {
            String::new()
        } else {
            format!("\n… {} bytes in all", self.printed_bytes)
        };
        first.join("\n") + &rest
    }
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The answer did what the check states.
    Passed,
    /// It did not.
    Failed(Failure),
    /// It has not been written yet: a `todo!` was met.
    Todo {
        /// What the `todo!` says.
        hint: String,
        /// Where it stands.
        at: String,
    },
    /// The check could not be made on this machine.
    Skipped {
        /// What is missing.
        why: String,
    },
}

/// The parts of a failure, in the order in which they are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Where in the student's file it happened, if it is a hang, a spin or a panic.
    #[serde(default)]
    pub places: Vec<Marked>,
    /// What had been done by then.
    pub steps: Vec<String>,
    /// What the check was waiting for.
    pub expected: String,
    /// What came instead.
    pub seen: String,
    /// The bytes that it is about, where the check is about bytes alone.
    #[serde(default)]
    pub bytes: Option<String>,
    /// The rows and threads, as the kernel showed them.
    pub kernel: Vec<String>,
    /// The likely cause, if the evidence allows to name one.
    pub cause: Option<String>,
    /// The command to look for oneself.
    pub look: Option<String>,
    /// What a page shows besides, if one is asked for. No part of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Box<Trace>>,
}

impl Failure {
    /// The first panic: its file, line and message, and the student's line if that is another one,
    /// as it is for a panic in std.
    fn panic(&self) -> Option<(&str, Option<&Spot>)> {
        let panic = self
            .seen
            .lines()
            .find_map(|line| line.strip_prefix(PANICKED))?;
        let place = self.places.first(); // panics stand before where threads wait
        Some((panic, place.map(|place| &place.spot)))
    }
}

/// How a line of what was seen begins that is about a panic; its place and message follow.
pub(super) const PANICKED: &str = "your code panicked at ";

/// A failure shows at most this many places.
const PLACES: usize = 3;

/// Where a failure's text begins, and where it ends: a terminal has 80 columns.
const INDENT: usize = 12;
const WIDTH: usize = 80 - INDENT;

/// Of more steps than this, those in the middle are left out.
const STEPS: usize = 12;

/// Prints reports: checks that passed as they come, failures at the end. As long as a check of a
/// core rule fails, those of the hardened rules are only counted.
#[derive(Debug, Default)]
pub struct Printer {
    in_full: bool,
    colour: bool,
    failures: Vec<Report>,
    /// Checks of hardened rules that are not shown.
    later: usize,
}

impl Printer {
    /// On stdout: in colour if it is a terminal, unless the environment
    /// has a NO_COLOR that is not empty (no-color.org).
    #[must_use]
    pub fn on_stdout() -> Printer {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Printer {
            colour: io::stdout().is_terminal() && !no_colour,
            ..Printer::default()
        }
    }

    /// Every failure with all its parts, not the first alone.
    #[must_use]
    pub fn in_full(mut self, in_full: bool) -> Printer {
        self.in_full = in_full;
        self
    }

    /// A report as it comes: its text, unless it is a failure, which comes at the end.
    pub fn take(&mut self, report: Report) -> Option<String> {
        let is_core_open = self
            .failures
            .iter()
            .any(|failure| failure.rule.level == Level::Core);
        if report.rule.level == Level::Hardened && is_core_open && !self.in_full {
            self.later += 1;
            return None;
        }
        match &report.outcome {
            Outcome::Failed(_) | Outcome::Todo { .. } => {
                self.failures.push(report);
                None
            }
            Outcome::Passed | Outcome::Skipped { .. } => {
                Some(text_of(&report, self.colour).trim_end().to_owned())
            }
        }
    }

    /// The failures: the first in full with the names of those that have the same cause, the others
    /// in one line each.
    pub fn end(self) -> String {
        let mut text = String::new();
        let mut left: &[Report] = &self.failures;
        let mut groups: Vec<Vec<&Report>> = Vec::new();
        while let Some((first, rest)) = left.split_first() {
            let same =
                |group: &&mut Vec<&Report>| has_same_cause(&group[0].outcome, &first.outcome);
            match groups.iter_mut().find(same) {
                Some(group) if !self.in_full => group.push(first),
                _ => groups.push(vec![first]),
            }
            left = rest;
        }
        for (number, group) in groups.iter().enumerate() {
            let full = text_of(group[0], self.colour);
            if number == 0 || self.in_full {
                text += &format!("\n{full}");
            } else {
                text += full.lines().next().unwrap_or_default();
                text.push('\n');
            }
            if group.len() > 1 {
                text += &same_reason(&group[1..], &group[0].outcome);
            }
        }
        if groups.len() > 1 && !self.in_full {
            text += "(`--all` shows every failure in full)\n";
        }
        if self.later > 0 {
            let checks = if self.later == 1 { "check" } else { "checks" };
            text += &format!(
                "\n{} {checks} of the hardened rules: shown when the core rules are kept\n",
                self.later
            );
        }
        text.trim_end().to_owned()
    }
}

/// Whether one correction may mend both: they have one cause, or one panic.
fn has_same_cause(one: &Outcome, other: &Outcome) -> bool {
    match (one, other) {
        (Outcome::Failed(one), Outcome::Failed(other)) => {
            let has_same_panic = one.panic().is_some() && one.panic() == other.panic();
            has_same_panic || (one.cause.is_some() && one.cause == other.cause)
        }
        (Outcome::Todo { at: one, .. }, Outcome::Todo { at: other, .. }) => one == other,
        _ => false,
    }
}

fn same_reason(reports: &[&Report], outcome: &Outcome) -> String {
    let (checks, fail, wait) = match reports.len() {
        1 => ("1 more check".to_owned(), "fails", "waits"),
        count => (format!("{count} more checks"), "fail", "wait"),
    };
    let mut text = match outcome {
        Outcome::Todo { .. } => format!("\n{checks} {wait} for the same `todo!`:\n"),
        _ => format!("\n{checks} {fail} for the same reason:\n"),
    };
    for report in reports {
        text += &format!("  {}\n", report.check);
    }
    text.push('\n');
    text
}

/// One line for a check that passed; all its parts for one that failed.
#[must_use]
pub fn full_text(report: &Report) -> String {
    text_of(report, false)
}

fn text_of(report: &Report, colour: bool) -> String {
    let style = |style: Style, text: &str| match colour {
        true => format!("{style}{text}{style:#}"),
        false => text.to_owned(),
    };
    let (word, rest) = match &report.outcome {
        Outcome::Passed => (style(GREEN, "passed"), String::new()),
        Outcome::Failed(failure) => {
            let places = pictures(&failure.places, colour);
            let rule = part("rule", &report.rule.to_string());
            (style(RED, "FAILED"), format!("{rule}{places}{failure}"))
        }
        Outcome::Todo { hint, at } => (
            style(YELLOW, "todo  "),
            part("todo", &format!("{hint}\n({at})")),
        ),
        Outcome::Skipped { why } => (style(YELLOW, "could not be checked here"), part("why", why)),
    };
    let mut text = format!("{word}  {}\n{rest}", report.check);
    let too_much = report.printed_bytes > report.printed.len() as u64;
    if !report.printed.is_empty() && (too_much || report.outcome != Outcome::Passed) {
        text += &part("printed", &report.printed_lines());
    }
    text
}

/// The lines of the student's file, drawn as rustc draws them.
fn pictures(places: &[Marked], colour: bool) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let root = root.unwrap_or(Path::new("."));
    let shown = places.iter().take(PLACES);
    let pictures = shown.map(|place| draw(&place.spot, root, &place.label, colour));
    let text: String = pictures.collect();
    match text.is_empty() {
        true => text,
        false => format!("\n{}\n\n", text.trim_end_matches('\n')),
    }
}

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// All its parts.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.steps.is_empty() {
            f.write_str(&part("steps", &numbered(&self.steps)))?;
        }
        f.write_str(&part("expected", &self.expected))?;
        f.write_str(&part("seen", &self.seen))?;
        if let Some(bytes) = &self.bytes {
            f.write_str(&part("bytes", bytes))?;
        }
        if !self.kernel.is_empty() {
            f.write_str(&part("kernel", &self.kernel.join("\n")))?;
        }
        if let Some(cause) = &self.cause {
            f.write_str(&part("cause", cause))?;
        }
        match &self.look {
            Some(look) => f.write_str(&part("look", look)),
            None => Ok(()),
        }
    }
}

/// The steps with their numbers; of many, the first and the last.
fn numbered(steps: &[String]) -> String {
    let line = |(number, step): (usize, &String)| format!("{number}. {step}");
    let mut lines: Vec<String> = (1..).zip(steps).map(line).collect();
    if lines.len() > STEPS {
        let left_out = lines.len() - STEPS;
        let middle = STEPS / 3..STEPS / 3 + left_out;
        lines.splice(middle, [format!("… ({left_out} steps are left out)")]);
    }
    lines.join("\n")
}

/// A part and its name: sentences are wrapped, what is set in columns is not.
fn part(name: &str, text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let is_set = line.starts_with([' ', '"']) || line.contains("  ");
        match is_set {
            true => lines.push(line.to_owned()),
            false => lines.extend(textwrap::wrap(line, WIDTH).into_iter().map(String::from)),
        }
    }
    let indent = " ".repeat(INDENT);
    let name = format!("  {name}");
    format!("{name:<INDENT$}{}\n", lines.join(&format!("\n{indent}")))
}

#[cfg(test)]
mod tests {
    use super::{Failure, Outcome, PANICKED, Printer, Report, STEPS, Stated, full_text, numbered};
    use crate::Level;

    fn failed(check: &str, cause: &str) -> Report {
        let failure = Failure {
            places: Vec::new(),
            steps: vec!["sent \"x\"".to_owned()],
            expected: "to read \"x\"".to_owned(),
            seen: "nothing".to_owned(),
            bytes: None,
            kernel: Vec::new(),
            cause: Some(cause.to_owned()),
            look: None,
            trace: None,
        };
        Report {
            check: check.to_owned(),
            rule: Stated {
                number: 1,
                level: Level::Core,
                text: "Send an x.".to_owned(),
            },
            outcome: Outcome::Failed(failure),
            milliseconds: 1,
            printed: String::new(),
            printed_bytes: 0,
        }
    }

    #[test]
    fn the_first_failure_is_told_in_full_and_others_by_their_name() {
        let mut teller = Printer::default();
        for (check, cause) in [("one", "a"), ("two", "b"), ("three", "a"), ("four", "a")] {
            assert_eq!(teller.take(failed(check, cause)), None);
        }
        let first = full_text(&failed("one", "a"));
        assert_eq!(
            teller.end(),
            format!(
                "\n{first}\n2 more checks fail for the same reason:\n  three\n  four\n\n\
                 FAILED  two\n(`--all` shows every failure in full)"
            )
        );
    }

    #[test]
    fn a_panic_that_is_met_twice_is_told_once() {
        let panicked = |check: &str, cause: &str, line: u32| {
            let mut report = failed(check, cause);
            if let Outcome::Failed(failure) = &mut report.outcome {
                failure.seen = format!("it has panicked\n{PANICKED}echo.rs:{line}: overflow");
            }
            report
        };
        let mut teller = Printer::default();
        for (check, cause, line) in [("one", "a", 5), ("two", "b", 5), ("three", "c", 6)] {
            assert_eq!(teller.take(panicked(check, cause, line)), None);
        }
        let text = teller.end();
        assert!(
            text.contains("\n1 more check fails for the same reason:\n  two\n\nFAILED  three\n"),
            "{text}"
        );
    }

    #[test]
    fn all_of_them_are_told_in_full_on_demand() {
        let mut teller = Printer::default().in_full(true);
        for check in ["one", "two"] {
            teller.take(failed(check, "a"));
        }
        let both = ["one", "two"].map(|check| format!("\n{}", full_text(&failed(check, "a"))));
        assert_eq!(teller.end(), both.concat().trim_end());
    }

    #[test]
    fn hardened_rules_are_shown_when_the_core_rules_are_kept() {
        let hardened = |check: &str| {
            let mut report = failed(check, "b");
            report.rule.level = Level::Hardened;
            report
        };
        let mut teller = Printer::default();
        teller.take(failed("one", "a"));
        assert_eq!(teller.take(hardened("two")), None);
        let text = teller.end();
        assert!(!text.contains("two"), "{text}");
        assert!(text.contains("1 check of the hardened rules"), "{text}");
        let mut teller = Printer::default();
        teller.take(hardened("two"));
        assert!(teller.end().contains("FAILED  two"));
    }

    #[test]
    fn many_steps_are_cut_in_the_middle() {
        let steps: Vec<String> = (1..=100).map(|n| format!("step {n}")).collect();
        let text = numbered(&steps);
        assert!(text.starts_with("1. step 1\n") && text.ends_with("\n100. step 100"));
        assert!(text.contains("\n… (88 steps are left out)\n"), "{text}");
        assert_eq!(text.lines().count(), STEPS + 1);
    }
}
