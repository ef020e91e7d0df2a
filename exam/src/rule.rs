//! What an exercise is held to: its rules, as its header states them, and the checks of each.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Exam, Verdict};

/// A rule of an exercise, and the checks that enforce it.
#[derive(Debug)]
pub struct Rule<A: 'static> {
    /// How soon it matters.
    pub level: Level,
    /// What the answer must do: the words of the exercise's header.
    pub text: &'static str,
    /// The checks, in the order in which a student will meet them.
    pub checks: &'static [Check<A>],
}

/// How soon a rule matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// What the lesson taught.
    Core,
    /// What production asks.
    Hardened,
}

/// A check: what the answer does if it passes, and the run that shows whether it does.
#[derive(Debug)]
pub struct Check<A: 'static> {
    /// The behaviour: a verb and its object.
    pub name: &'static str,
    /// Runs the answer, and returns why it fails.
    pub run: fn(&Exam, A) -> Verdict,
}

/// A check by its name and its run.
pub const fn check<A>(name: &'static str, run: fn(&Exam, A) -> Verdict) -> Check<A> {
    Check { name, run }
}

/// A rule without its checks' code: what a report and the header say of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// Its number in the header, from 1. The rules of both levels are counted together.
    pub number: usize,
    /// How soon it matters.
    pub level: Level,
    /// Its words.
    pub text: String,
}

impl<A> Rule<A> {
    /// A rule of the first level.
    pub const fn core(text: &'static str, checks: &'static [Check<A>]) -> Rule<A> {
        Rule {
            level: Level::Core,
            text,
            checks,
        }
    }

    /// A rule of the second level.
    pub const fn hardened(text: &'static str, checks: &'static [Check<A>]) -> Rule<A> {
        Rule {
            level: Level::Hardened,
            text,
            checks,
        }
    }

    /// The rule as it is stated, with its number.
    pub(super) fn stated(&self, number: usize) -> Stated {
        Stated {
            number,
            level: self.level,
            text: self.text.to_owned(),
        }
    }
}

/// `core`, `hardened`.
impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Core => "core",
            Level::Hardened => "hardened",
        })
    }
}

/// `3 (core): Stop at end of file only.`
impl fmt::Display for Stated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.number, self.level, self.text)
    }
}
