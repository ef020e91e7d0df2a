//! What came of a check, for people and for programs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What came of one check.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Its name, which states a behaviour.
    pub check: String,
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
    NotHere {
        /// What is missing.
        why: String,
    },
}

/// The parts of a failure, in the order in which they are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
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
}

/// Where a failure's text begins, and how wide its sentences are.
const INDENT: usize = 12;
const WIDTH: usize = 84;

/// Tells reports, in their order.
#[derive(Debug, Default)]
pub struct Teller {
    first_failure_only: bool,
    told: Vec<Outcome>,
}

impl Teller {
    /// One thing at a time: only the first failure is told with all its parts.
    #[must_use]
    pub fn of_the_first_failure() -> Teller {
        Teller {
            first_failure_only: true,
            ..Teller::default()
        }
    }

    /// One line for a check that passed; all its parts for one that failed, unless that has been told.
    /// One `todo!` is told once, whatever the number of checks that met it.
    pub fn tell(&mut self, report: &Report) -> String {
        let is_failure =
            |outcome: &Outcome| matches!(outcome, Outcome::Failed(_) | Outcome::Todo { .. });
        let brief = match &report.outcome {
            outcome @ Outcome::Todo { .. } if self.told.contains(outcome) => true,
            outcome => {
                self.first_failure_only && is_failure(outcome) && self.told.iter().any(is_failure)
            }
        };
        self.told.push(report.outcome.clone());
        let text = tell(report);
        match text.split_once('\n') {
            Some((line, _)) if brief => line.to_owned(),
            _ => text.trim_end().to_owned(),
        }
    }
}

/// One line for a check that passed; all its parts for one that failed.
#[must_use]
pub fn tell(report: &Report) -> String {
    let (word, rest) = match &report.outcome {
        Outcome::Passed => ("passed", String::new()),
        Outcome::Failed(failure) => ("FAILED", failure.to_string()),
        Outcome::Todo { hint, at } => ("todo", part("todo", &format!("{hint}\n({at})"))),
        Outcome::NotHere { why } => ("not here", part("why", why)),
    };
    let time = match report.milliseconds {
        milliseconds @ ..1000 => format!("{milliseconds} ms"),
        milliseconds => format!("{:.1} s", milliseconds as f64 / 1000.0),
    };
    let mut text = format!("{word:<8}  {:<62} {time:>8}\n{rest}", report.check);
    let too_much = report.printed_bytes > report.printed.len() as u64;
    if !report.printed.is_empty() && (too_much || report.outcome != Outcome::Passed) {
        text += &part("printed", &printed(report));
    }
    text
}

/// The beginning of the first lines, harmless to a terminal, and how much there was.
fn printed(report: &Report) -> String {
    let mut lines = report.printed.lines().map(|line| {
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
    let all = lines.next().is_none() && report.printed_bytes <= report.printed.len() as u64;
    let rest = if all {
        String::new()
    } else {
        format!("\n… {} bytes in all", report.printed_bytes)
    };
    first.join("\n") + &rest
}

/// All its parts.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(f, "{number:>3}. {step}")?;
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

/// A part and its name: sentences are wrapped, what is set in columns is not.
fn part(name: &str, text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        if [" ", "tcp", "udp", "\""]
            .iter()
            .any(|start| line.starts_with(start))
        {
            lines.push(line.to_owned());
        } else {
            lines.extend(textwrap::wrap(line, WIDTH).into_iter().map(String::from));
        }
    }
    let indent = " ".repeat(INDENT);
    let name = format!("  {name}");
    format!("{name:<INDENT$}{}\n", lines.join(&format!("\n{indent}")))
}
