//! A check that has failed by a clock is made again, and has failed if it fails every time.
//!
//! This program runs itself: with `TRIES` in the environment, the file in which tries are counted,
//! it is an exercise whose answer is late, once or every time.

#![allow(missing_docs, reason = "a test is no library")]

use std::{
    env,
    fs::{self, OpenOptions},
    io::Write,
    process::{Command, ExitCode, id},
    time::Duration,
};

use exam::{Exam, Outcome, Report, Rule, Suite, Timing, Took, Verdict, check};
use libtest_mimic::{Arguments, Failed, Trial};

const SUITE: Suite<u64> = Suite {
    exercise: "clock",
    rules: &[Rule::core(
        "Return immediately.",
        &[check("returns immediately", returns_immediately)],
    )],
    cause: |_| None,
};

/// In each try up to this one the answer is late.
fn returns_immediately(exam: &Exam, late: u64) -> Verdict {
    let path = env::var("TRIES").unwrap();
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b".").unwrap();
    let tries = fs::metadata(&path).unwrap().len();
    let took = Took {
        time: Duration::from_secs(u64::from(tries <= late)),
        delay: Duration::ZERO,
    };
    let reference = exam.reference(Duration::ZERO)?;
    let timing = reference.judges(took, Duration::from_millis(500))?;
    exam.must(timing == Timing::InTime, "it now", "it later")
}

/// What came of the check where as many tries are late, and how often it was made.
fn examine(late: u64) -> (Outcome, u64) {
    let path = env::temp_dir().join(format!("tries-{late}-{}", id()));
    fs::write(&path, "").unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.env("TRIES", &path).env("LATE", late.to_string());
    let output = command.arg("--json").output().unwrap();
    let tries = fs::metadata(&path).unwrap().len();
    fs::remove_file(&path).unwrap();
    let report: Report = serde_json::from_slice(&output.stdout).unwrap();
    (report.outcome, tries)
}

fn a_machine_that_stood_still_once_is_no_failure() -> Result<(), Failed> {
    assert_eq!(examine(0), (Outcome::Passed, 1));
    assert_eq!(examine(1), (Outcome::Passed, 2));
    Ok(())
}

fn an_answer_that_is_late_every_time_has_failed() -> Result<(), Failed> {
    let (outcome, tries) = examine(u64::MAX);
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    assert_eq!(tries, 3);
    Ok(())
}

fn main() -> ExitCode {
    if let Ok(late) = env::var("LATE") {
        return SUITE.examine(late.parse().unwrap());
    }
    let trials = vec![
        Trial::test(
            "a_machine_that_stood_still_once_is_no_failure",
            a_machine_that_stood_still_once_is_no_failure,
        ),
        Trial::test(
            "an_answer_that_is_late_every_time_has_failed",
            an_answer_that_is_late_every_time_has_failed,
        ),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
