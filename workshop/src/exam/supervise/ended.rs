//! How the process of a check ended, and what that says when the check did not come to its end.

use std::{fs, os::unix::process::ExitStatusExt, process::ExitStatus};

use super::KILL_AFTER;
use crate::exam::report::{Failure, Outcome};

/// More threads than any right answer starts.
const THREADS: u64 = 500;

/// More memory than any right answer takes, in KiB.
const MEMORY: u64 = 128 << 10;

/// How the process of a check ended.
pub(super) enum Ended {
    /// It has said what came of the check.
    Said(Outcome),
    /// Before the check did.
    ByItself,
    /// It took too much of the machine.
    Excess(Excess),
    /// Not by its limit.
    Late,
}

/// What a process took too much of.
pub(super) enum Excess {
    Threads(u64),
    /// Resident, in KiB.
    Memory(u64),
}

impl Excess {
    /// What this process has taken too much of (proc(5), `/proc/pid/status`).
    pub(super) fn of(process: u32) -> Option<Excess> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let value = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        match (value("Threads:"), value("VmRSS:")) {
            (Some(threads), _) if threads > THREADS => Some(Excess::Threads(threads)),
            (_, Some(memory)) if memory > MEMORY => Some(Excess::Memory(memory)),
            _ => None,
        }
    }
}

impl Ended {
    pub(super) fn outcome(self, steps: Vec<String>, status: ExitStatus) -> Outcome {
        let (seen, cause) = match self {
            Ended::Said(Outcome::Failed(failure)) => {
                return Outcome::Failed(Failure { steps, ..failure });
            }
            Ended::Said(outcome) => return outcome,
            Ended::ByItself => match (status.code(), status.signal()) {
                (Some(code), _) => (
                    format!("the whole process has ended, with exit status {code}"),
                    "Your code calls `std::process::exit`: that ends everything, the exam too. Return \
                     instead.",
                ),
                (None, signal) => (
                    format!(
                        "the whole process was ended by signal {}",
                        signal.unwrap_or(0)
                    ),
                    "`abort`, a stack overflow, or no memory: none of them can be caught.",
                ),
            },
            Ended::Excess(Excess::Threads(count)) => (
                format!("{count} threads"),
                "Your code starts threads, and they do not end: each costs memory, and one day there \
                 is none left.",
            ),
            Ended::Excess(Excess::Memory(kib)) => (
                format!("{} MiB of memory", kib >> 10),
                "Your code takes memory without limit: what a peer sends decides how much.",
            ),
            Ended::Late => (
                format!("it was killed after {KILL_AFTER:?}"),
                "Your code leaves the exam no room: most likely it takes all of the processor, unless this \
                 machine is very slow.",
            ),
        };
        Outcome::Failed(Failure {
            steps,
            expected: "the check to come to its end".to_owned(),
            seen,
            bytes: None,
            kernel: vec!["the process is gone, and its sockets with it".to_owned()],
            cause: Some(cause.to_owned()),
            look: None,
        })
    }
}
