//! An examination is a process for each check, all at once. Whatever an answer does to its process,
//! it does to one check: the supervisor receives each step as it is done, kills what has not ended
//! by its limit or takes too much of the machine, its children too, and reports.
//!
//! A pass is what the supervisor itself concludes: every report in its order and with this run's
//! secret (`protocol`), the end of the check, an exit status of 0 after it, and no excess.

mod child;
mod ended;
mod excess;
mod output;
mod process;
mod protocol;

use std::{env, io, process::ExitCode, thread, time::Duration};

use nix::unistd::Pid;
use socket_workshop::{
    command::{complain, is_reader_gone},
    say,
};

pub(super) use self::{child::Supervisor, protocol::Message};
use self::{excess::Limits, process::Process};
use super::{
    Suite,
    orphans::Orphans,
    report::{Outcome, Printer, Report},
    rule::Stated,
};

/// When the examiner stops waiting for a check. Every wait in a check ends long before.
pub const CEILING: Duration = Duration::from_secs(120);

/// How often a check must fail by a clock to have failed.
const TRIES: usize = 3;

pub(super) fn main<A: Copy>(suite: &Suite<A>, file: &str, answer: A) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let (hold, trace) = (has("--hold"), has("--trace"));
    if let [flag, number, ..] = &arguments[..]
        && flag == "--one"
        && let Some((_, check)) = number
            .parse()
            .ok()
            .and_then(|n: usize| suite.checks().into_iter().nth(n))
    {
        child::examine(
            suite.exercise,
            file,
            child::Asked { hold, trace },
            |exam| (check.run)(exam, answer),
            suite.cause,
        );
    }
    let parts: Vec<&String> = arguments
        .iter()
        .filter(|part| !part.starts_with("--"))
        .collect();
    let chosen = |name: &str| parts.is_empty() || parts.iter().any(|part| name.contains(*part));
    let all = suite.checks().into_iter().enumerate();
    let checks = all.map(|(number, (rule, check))| Check {
        number,
        name: check.name,
        rule,
        file,
        hold,
        trace,
    });
    let checks: Vec<Check<'_>> = checks.filter(|check| chosen(check.name)).collect();
    match report_all(suite.exercise, &checks, has("--json"), hold) {
        Ok(status) => ExitCode::from(status),
        Err(error) if is_reader_gone(&error) => ExitCode::from(3),
        Err(error) => {
            complain(&format!("{}: cannot examine: {error}", suite.exercise));
            ExitCode::from(3)
        }
    }
}

/// Makes the checks, all at once, and prints each report after those before it. Those that may
/// be held are made one after the other.
fn report_all(exercise: &str, checks: &[Check<'_>], json: bool, hold: bool) -> io::Result<u8> {
    let in_full = env::args().any(|argument| argument == "--all");
    let mut reports = Vec::<Report>::new();
    let mut teller = Printer::on_stdout().in_full(in_full);
    let (orphans, limits) = (Orphans::adopt(), Limits::of(Pid::this()));
    let at_once = if hold { 1 } else { checks.len().max(1) };
    for checks in checks.chunks(at_once) {
        thread::scope(|scope| {
            let running: Vec<_> = checks
                .iter()
                .map(|check| {
                    let (orphans, limits) = (&orphans, limits.clone());
                    scope.spawn(move || make(check, orphans, limits.as_ref()))
                })
                .collect();
            for report in running {
                let report = report.join().expect("the supervisor returns its errors")?;
                if json {
                    say!("{}", serde_json::to_string(&report)?)?;
                } else if let Some(text) = teller.take(report.clone()) {
                    say!("{text}")?;
                }
                reports.push(report);
            }
            io::Result::Ok(())
        })?;
    }
    let count =
        |is: fn(&Outcome) -> bool| reports.iter().filter(|report| is(&report.outcome)).count();
    let passed = count(|outcome| *outcome == Outcome::Passed);
    let not_here = count(|outcome| matches!(outcome, Outcome::Skipped { .. }));
    if !json {
        say!("{}", teller.end())?;
        let note = if not_here > 0 {
            format!(", {not_here} could not be made here")
        } else {
            String::new()
        };
        say!(
            "{exercise}: {passed} of {} checks passed{note}",
            reports.len()
        )?;
    }
    Ok(match reports.len() - passed {
        0 => 0,
        failed if failed > not_here => 1,
        _ => 3,
    })
}

/// Makes a check: again, if a clock said that the answer was late. A machine can stand still for a
/// moment, but not in the same moment of each try.
fn make(check: &Check<'_>, orphans: &Orphans, limits: Option<&Limits>) -> io::Result<Report> {
    let mut tries = 0;
    loop {
        let process = Process::start(check, orphans, limits.cloned())?;
        let (report, is_late) = process.supervise()?;
        tries += 1;
        if !is_late || check.hold || tries == TRIES {
            return Ok(report);
        }
    }
}

/// A check to be made: its place in the suite, its name, its rule, the student's file, whether its
/// failure is held, and whether it is traced for a page.
struct Check<'a> {
    number: usize,
    name: &'static str,
    rule: Stated,
    file: &'a str,
    hold: bool,
    trace: bool,
}
