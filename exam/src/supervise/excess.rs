//! What an answer takes too much of, or takes away from the exam, as the
//! kernel shows it from outside the process.

use std::fs;

use nix::unistd::Pid;

use crate::orphans::descendants;

/// More threads than any right answer starts.
const THREADS: u64 = 500;

/// More memory than any right answer takes, in KiB.
const MEMORY: u64 = 128 << 10;

/// More descriptors than any right answer takes.
const DESCRIPTORS: u64 = 8 << 10;

/// More than any right answer prints, in bytes.
pub(super) const PRINTED: u64 = 64 << 20;

/// More processes than any right answer starts.
pub(super) const PROCESSES: usize = 100;

/// A process that is this near to its limit of descriptors has run out of them.
const NEARLY: u64 = 8;

/// What a process took too much of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Excess {
    Threads(u64),
    Processes,
    /// Resident, in KiB.
    Memory(u64),
    Descriptors(u64),
    /// In bytes.
    Printed(u64),
    /// It has lowered a limit of its process: its name, what it was, and what it is.
    Limit(&'static str, u64, u64),
}

/// A process as the supervisor looks after it from time to time.
pub(super) struct Look {
    pub(super) excess: Option<Excess>,
    pub(super) is_stopped: bool,
}

impl Look {
    /// At this process (proc(5), `/proc/pid/status`).
    pub(super) fn at(process: Pid) -> Option<Look> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let word = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_whitespace().next()
        };
        let value = |key| word(key)?.parse::<u64>().ok();
        // FDSize is a power of two: it says twice as much as there are, at most.
        let slots = value("FDSize:").filter(|slots| *slots > DESCRIPTORS);
        // Without pages of files: a panic reads the program's debug information, to find its line.
        let memory = value("VmRSS:").map(|all| all - value("RssFile:").unwrap_or(0).min(all));
        let excess = match (value("Threads:"), memory) {
            (Some(threads), _) if threads > THREADS => Some(Excess::Threads(threads)),
            (_, Some(memory)) if memory > MEMORY => Some(Excess::Memory(memory)),
            _ => slots
                .and_then(|_| descriptors(process))
                .filter(|count| *count > DESCRIPTORS)
                .map(Excess::Descriptors),
        };
        Some(Look {
            excess,
            is_stopped: word("State:") == Some("T"), // a tracer's stop is `t`
        })
    }
}

/// Whether the process has started too many others. To be asked less
/// often: there may be many to look at.
pub(super) fn of_processes(process: Pid) -> Option<Excess> {
    (descendants(process, PROCESSES) > PROCESSES).then_some(Excess::Processes)
}

/// Why the exam could not make a check in this process, if the answer is the reason: it has lowered
/// a limit, or it holds most of the descriptors there are. `ours` of them are the exam's.
pub(super) fn reason(process: Pid, before: &Limits, ours: usize) -> Option<Excess> {
    let now = Limits::of(process)?;
    if let Some(lowered) = now.lowered_from(before) {
        return Some(lowered);
    }
    let (limit, all) = (now.descriptors()?, descriptors(process)?);
    let students = all.saturating_sub(ours as u64);
    (all + NEARLY >= limit && students > limit / 2).then_some(Excess::Descriptors(students))
}

/// How many descriptors a process has open.
fn descriptors(process: Pid) -> Option<u64> {
    let folder = fs::read_dir(format!("/proc/{process}/fd")).ok()?;
    Some(folder.count() as u64)
}

/// The limits whose lack can make a check impossible, as the kernel calls them in
/// `/proc/pid/limits`, and setrlimit(2).
const LIMITS: [(&str, &str); 7] = [
    ("Max open files", "RLIMIT_NOFILE"),
    ("Max processes", "RLIMIT_NPROC"),
    ("Max address space", "RLIMIT_AS"),
    ("Max data size", "RLIMIT_DATA"),
    ("Max stack size", "RLIMIT_STACK"),
    ("Max file size", "RLIMIT_FSIZE"),
    ("Max cpu time", "RLIMIT_CPU"),
];

/// The limits of a process that hold now, the soft ones. `u64::MAX` is none.
#[derive(Clone, Debug)]
pub(super) struct Limits([u64; LIMITS.len()]);

impl Limits {
    /// Of a process, which may have ended if it has not been waited for.
    pub(super) fn of(process: Pid) -> Option<Limits> {
        Limits::parse(&fs::read_to_string(format!("/proc/{process}/limits")).ok()?)
    }

    /// A name, which has spaces, and then the soft limit, in columns.
    fn parse(text: &str) -> Option<Limits> {
        let mut limits = [u64::MAX; LIMITS.len()];
        for (limit, (name, _)) in limits.iter_mut().zip(LIMITS) {
            let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
            let soft = rest.split_whitespace().next()?;
            if soft != "unlimited" {
                *limit = soft.parse().ok()?;
            }
        }
        Some(Limits(limits))
    }

    fn descriptors(&self) -> Option<u64> {
        self.0.first().copied()
    }

    /// The exam has set this one itself.
    pub(super) fn set_descriptors(&mut self, limit: u64) {
        self.0[0] = limit;
    }

    pub(super) fn lowered_from(&self, before: &Limits) -> Option<Excess> {
        let pairs = before.0.iter().zip(self.0).zip(LIMITS);
        pairs
            .into_iter()
            .find(|((before, now), _)| now < *before)
            .map(|((before, now), (_, name))| Excess::Limit(name, *before, now))
    }
}

#[cfg(test)]
mod tests {
    use super::{Excess, Limits};

    const BEFORE: &str = "\
Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max file size             unlimited            unlimited            bytes     
Max data size             unlimited            unlimited            bytes     
Max stack size            8388608              unlimited            bytes     
Max processes             15613                15613                processes 
Max open files            1024                 1048576              files     
Max address space         unlimited            unlimited            bytes     
";

    #[test]
    fn a_lowered_limit_is_seen_and_a_raised_one_is_not() {
        let before = Limits::parse(BEFORE).unwrap();
        let raised = Limits::parse(&BEFORE.replace("1024   ", "1048576")).unwrap();
        assert_eq!(raised.lowered_from(&before), None);
        let lowered = BEFORE.replace(
            "address space         unlimited",
            "address space         4096     ",
        );
        let lowered = Limits::parse(&lowered).unwrap().lowered_from(&before);
        assert_eq!(lowered, Some(Excess::Limit("RLIMIT_AS", u64::MAX, 4096)));
    }
}
