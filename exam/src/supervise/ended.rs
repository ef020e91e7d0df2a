//! How the process of a check ended, and what that says when the check did not come to its end.

use std::{fs, os::unix::process::ExitStatusExt, process::ExitStatus};

use nix::unistd::{Pid, SysconfVar, sysconf};

use super::{
    CEILING,
    excess::{Excess, PROCESSES},
};
use crate::{
    place::Places,
    report::{Failure, Outcome},
    threads::OURS,
    trace::Trace,
};

/// A failure shows at most this many lines of threads.
const SHOWN: usize = 6;

/// How the process of a check ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// It has said what came of the check, and done nothing else since.
    Said(Outcome),
    /// Before the check did.
    ByItself,
    /// It took too much of the machine.
    Excess(Excess),
    /// It could not make the check, for this reason, and by this doing of the answer's.
    Hindered(String, Excess),
    /// It has stopped itself.
    Stopped,
    /// It has reported what the exam does not report.
    Forged,
    /// It goes on without the exam: it runs another program, or has closed the exam's socket.
    Left(Left),
    /// Not by the ceiling: its threads at that moment, a line each.
    Late(Vec<String>),
}

/// How a process can go on without the exam.
#[derive(Debug)]
pub(super) enum Left {
    AnotherProgram(String),
    ClosedTheSocket,
}

impl Ended {
    pub(super) fn outcome(
        self,
        steps: Vec<String>,
        trace: Option<Trace>,
        places: Places,
        status: ExitStatus,
    ) -> Outcome {
        let (seen, cause) = match self {
            Ended::Said(Outcome::Failed(mut failure)) => {
                let seen = failure.trace.take();
                let failure = Failure {
                    steps,
                    trace: trace.map(|trace| trace.end(seen)),
                    ..failure
                };
                return Outcome::Failed(places.add_to(failure));
            }
            Ended::Said(Outcome::Passed) if !status.success() => (
                format!("the check has passed, but then {}", ending(status)),
                Some(
                    "A thread or a handler of your code ends the process while the exam leaves it.",
                ),
            ),
            Ended::Said(outcome) => return outcome,
            Ended::ByItself => (ending(status), Some(ends_the_process(status))),
            Ended::Excess(excess) => {
                let (seen, cause) = excess.told();
                (seen, Some(cause))
            }
            Ended::Hindered(why, excess) => {
                let (seen, cause) = excess.told();
                (format!("{seen}\nthe exam {why}"), Some(cause))
            }
            Ended::Stopped => (
                "the process is stopped (SIGSTOP): none of its threads runs".to_owned(),
                Some("A signal has stopped the process. If your code sends it, remove that."),
            ),
            Ended::Forged => (
                "a report that is not from the examiner".to_owned(),
                Some(
                    "Your code writes to a descriptor that it has not opened: it leads to the \
                     examiner.",
                ),
            ),
            Ended::Left(Left::AnotherProgram(program)) => (
                format!("the process has become another program: {program}"),
                Some(
                    "Your code calls `exec`: that replaces everything, the exam too. Use `spawn`.",
                ),
            ),
            Ended::Left(Left::ClosedTheSocket) => (
                "the process runs on, but has closed the examiner's descriptor".to_owned(),
                Some("Your code closes a descriptor that it has not opened."),
            ),
            Ended::Late(threads) => (
                format!(
                    "the examiner stopped waiting after {CEILING:?}\n{}",
                    threads.join("\n")
                ),
                None,
            ),
        };
        Outcome::Failed(Failure {
            steps,
            places: Vec::new(),
            expected: "the check to come to its end".to_owned(),
            seen: seen.trim_end().to_owned(),
            bytes: None,
            kernel: vec!["the process is gone, and its sockets with it".to_owned()],
            cause: cause.map(str::to_owned),
            look: None,
            trace: trace.map(|trace| trace.end(None)),
        })
    }
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("the whole process has ended, with exit status {code}"),
        (None, signal) => format!(
            "the whole process was ended by signal {}",
            signal.unwrap_or(0)
        ),
    }
}

fn ends_the_process(status: ExitStatus) -> &'static str {
    match status.code() {
        Some(_) => {
            "Your code calls `std::process::exit`: that ends everything, the exam too. Return \
             instead."
        }
        None => "`abort`, a stack overflow, or no memory: none of them can be caught.",
    }
}

impl Excess {
    /// What was seen, and the cause.
    fn told(&self) -> (String, &'static str) {
        match self {
            Excess::Threads(count) => (
                format!("{count} threads"),
                "Your code starts threads, and they do not end. Each costs memory, and a server \
                 that leaks one thread per client eventually runs out.",
            ),
            Excess::Processes => (
                format!("more than {PROCESSES} processes"),
                "Your code starts programs, and they do not end.",
            ),
            Excess::Memory(kib) => (
                format!("{} MiB of memory", kib >> 10),
                "Your code takes memory without limit: what a peer sends decides how much.",
            ),
            Excess::Descriptors(count) => (
                format!("your code holds {count} descriptors"),
                "Your code opens sockets or files and does not close them. A server that leaks one \
                 descriptor per client eventually runs out.",
            ),
            Excess::Printed(bytes) => (
                format!("{} MiB printed", bytes >> 20),
                "Your code prints more than any answer needs to. Do not print in a loop.",
            ),
            Excess::Limit(name, before, now) => {
                let before = match *before {
                    u64::MAX => "unlimited".to_owned(),
                    before => before.to_string(),
                };
                (
                    format!("your code lowered {name} from {before} to {now}"),
                    "A limit of setrlimit holds for the whole process, the exam too. Do not lower \
                     it.",
                )
            }
        }
    }
}

/// What the threads of a process are doing, and how much of the processor each has used (proc(5),
/// `/proc/pid/task/tid/stat`).
pub(super) fn threads(process: Pid) -> Vec<String> {
    let folder = fs::read_dir(format!("/proc/{process}/task"));
    let stats = folder
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
    let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    let mut lines: Vec<String> = stats
        .filter_map(|stat| thread(&stat, process, ticks as u64))
        .collect();
    if lines.len() > SHOWN {
        let rest = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push(format!("and {rest} threads more"));
    }
    lines
}

/// `42 (answer) R 1 …`: the name, the state, and, eleven and twelve fields
/// after that, the time used.
fn thread(stat: &str, process: Pid, ticks: u64) -> Option<String> {
    let (before, after) = stat.rsplit_once(')')?;
    let (number, name) = before.split_once('(')?;
    let is_main = number.trim().parse() == Ok(process.as_raw());
    let whose = match is_main || name.starts_with(OURS) {
        true => "the exam's",
        false => "your",
    };
    let fields: Vec<&str> = after.split_whitespace().collect();
    let state = match *fields.first()? {
        "R" => "runs, or waits for a processor",
        "S" => "waits",
        "D" => "waits in the kernel, and cannot be interrupted",
        "T" | "t" => "is stopped",
        "Z" | "X" => "has ended",
        _ => "is in a state unknown here",
    };
    let used: u64 = fields
        .get(11..13)?
        .iter()
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    let seconds = used as f64 / ticks as f64;
    Some(format!(
        "{whose} thread `{name}` {state}; it has used {seconds:.1} s of processor time"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Ended, Pid, Places, thread};
    use crate::report::Outcome;
    use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

    #[test]
    fn the_ceiling_is_called_one_and_no_cause_is_made_up() {
        let stat = "43 (answer (x)) R 1 42 42 0 -1 4194304 0 0 0 0 5800 90 0 0 20 0 2 0";
        let told = thread(stat, Pid::from_raw(42), 100).unwrap();
        let killed = ExitStatus::from_raw(9);
        let Outcome::Failed(failure) =
            Ended::Late(vec![told]).outcome(Vec::new(), None, Places::default(), killed)
        else {
            panic!("it has failed");
        };
        assert_eq!(
            failure.seen,
            "the examiner stopped waiting after 120s\n\
             your thread `answer (x)` runs, or waits for a processor; it has used 58.9 s of \
             processor time"
        );
        assert_eq!(failure.cause, None);
    }

    #[test]
    fn a_pass_is_one_only_if_the_process_ends_well() {
        let passed = |status| {
            Ended::Said(Outcome::Passed).outcome(
                Vec::new(),
                None,
                Places::default(),
                ExitStatus::from_raw(status),
            )
        };
        assert_eq!(passed(0), Outcome::Passed);
        assert!(matches!(passed(9), Outcome::Failed(_)));
        assert!(matches!(passed(1 << 8), Outcome::Failed(_)));
    }
}
