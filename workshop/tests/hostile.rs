//! The examiner is not fooled, held up or soiled by safe code: answers that forge a pass, stop or
//! kill what examines them, flood it, take everything, or leave processes.
//!
//! Every answer is in this one program, which runs itself, with the answer's name in `ANSWER`, as
//! an exercise of its own. As `cargo` it is also the build that `cargo workshop check` asks for:
//! the program it has built is itself.

#![allow(missing_docs, reason = "answers are no library")]

use std::{
    env, fs,
    io::{Read, Write},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::{Arguments, Failed, Trial};
use nix::sys::{
    resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit},
    signal::{Signal, raise},
};
use socket_workshop::deadline::Deadline;
use workshop::{
    checks::echo::{EXERCISE, Echo, SUITE},
    exam::{Failure, Level, Outcome, Report, Stated, full_text},
};

macro_rules! answers {
    ($($name:ident)*) => {
        mod hostile_answers { $(pub mod $name;)* }
        const ANSWERS: &[(&str, Echo)] = &[$((stringify!($name), hostile_answers::$name::echo),)*];
    };
}

answers! {
    becomes_another_program closes_every_descriptor floods_by_number floods_stdin floods_stdout
    forges_a_pass forges_a_pass_by_number forges_reports holds_stdout_open kills_its_parent leaks_descriptors
    leaves_a_daemon lowers_the_limit_of_descriptors lowers_the_limit_of_memory
    lowers_the_limit_of_processes raises_its_limit_and_leaks runs_away starts_programs_without_end stops_its_parents_group stops_itself_in_its_parents_group
}

/// Longer than any of these takes on a busy machine, and shorter than the examiner's own ceiling.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most memory, in KiB, that the examiner or an answer may ever have had.
const MEMORY: i64 = 400 << 10;

type Test = fn() -> Result<(), Failed>;

macro_rules! tests {
    ($($name:ident)*) => { &[$((stringify!($name), $name as Test)),*] };
}

const TESTS: &[(&str, Test)] = tests! {
    a_forged_pass_on_stdin_does_not_count
    a_forged_pass_on_any_descriptor_fails_the_check
    forged_reports_on_the_examiners_stdout_do_not_count
    a_flood_on_stdin_reaches_nobody
    a_flood_of_reports_is_cut
    a_flood_on_stdout_is_cut
    a_child_that_keeps_stdout_open_holds_nothing_up
    a_daemon_is_killed
    a_program_that_runs_away_is_caught
    a_program_for_each_turn_is_cut
    a_process_that_stops_is_killed
    an_examiner_cannot_be_stopped
    an_examiner_cannot_be_killed
    a_stopped_examiner_is_noticed
    a_killed_examiner_is_no_pass
    an_examiner_that_prints_without_end_is_cut
    descriptors_that_are_kept_are_the_cause
    a_lowered_limit_of_descriptors_is_the_cause
    a_lowered_limit_of_processes_is_never_a_lack_of_the_machine
    a_lowered_limit_of_memory_is_the_cause
    a_process_that_becomes_another_program_fails
    a_process_that_closes_the_report_fails
};

/// What the examiner prints for a program when every check of the exercise has passed.
fn reports_of_a_pass() -> Vec<String> {
    let rules = (EXERCISE.rules)().into_iter();
    let checks =
        rules.flat_map(|(rule, checks)| checks.into_iter().map(move |check| (rule.clone(), check)));
    let report = |(rule, check): (Stated, &str)| Report {
        check: check.to_owned(),
        rule,
        outcome: Outcome::Passed,
        milliseconds: 1,
        printed: String::new(),
        printed_bytes: 0,
    };
    let line = |report| serde_json::to_string(&report).expect("a report is JSON");
    checks.map(report).map(line).collect()
}

fn main() -> ExitCode {
    if env::args().nth(1).is_some_and(|first| first == "build") {
        let program = env::current_exe().expect("it has a path");
        println!("{}", serde_json::json!({ "executable": program }));
        return ExitCode::SUCCESS;
    }
    match env::var("ANSWER").as_deref() {
        Ok("examiner/stopped") if !is_a_check() => {
            let _ = raise(Signal::SIGSTOP);
            SUITE.examine(right)
        }
        Ok("examiner/killed") if !is_a_check() => {
            let first = reports_of_a_pass().into_iter().take(2);
            first.for_each(|line| println!("{line}"));
            let _ = raise(Signal::SIGKILL);
            ExitCode::SUCCESS
        }
        Ok("examiner/prints") if !is_a_check() => {
            let megabyte = "x".repeat(1 << 20);
            while std::io::stdout().write_all(megabyte.as_bytes()).is_ok() {}
            ExitCode::FAILURE
        }
        Ok(name) => {
            let answer = ANSWERS.iter().find(|(is, _)| *is == name);
            SUITE.examine(answer.map_or(right as Echo, |(_, echo)| *echo))
        }
        Err(_) => {
            // As most people have it. A test that runs as root may have far more.
            let (limit, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
            setrlimit(Resource::RLIMIT_NOFILE, limit.min(1024), most).expect("it may be lowered");
            let tests = TESTS.iter().map(|(name, test)| Trial::test(*name, test));
            let mut trials: Vec<Trial> = tests.collect();
            trials.push(Trial::test(
                "every_answer_is_in_the_list",
                every_answer_is_in_the_list,
            ));
            libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
        }
    }
}

fn is_a_check() -> bool {
    env::args().any(|argument| argument == "--one")
}

fn right(stream: std::net::TcpStream) -> std::io::Result<u64> {
    std::io::copy(&mut &stream, &mut &stream)
}

// What a pass is.

fn a_forged_pass_on_stdin_does_not_count() -> Result<(), Failed> {
    let reports = examine("forges_a_pass", &[])?;
    nothing_has_passed(&reports)
}

fn a_forged_pass_on_any_descriptor_fails_the_check() -> Result<(), Failed> {
    let reports = examine("forges_a_pass_by_number", &[])?;
    nothing_has_passed(&reports)?;
    says(&reports, "not from the examiner")
}

fn forged_reports_on_the_examiners_stdout_do_not_count() -> Result<(), Failed> {
    let (status, told) = workshop_check("forges_reports")?;
    fails_with(status, &told, &passed(0))
}

fn a_process_that_becomes_another_program_fails() -> Result<(), Failed> {
    let reports = examine("becomes_another_program", &["returns at end of file"])?;
    nothing_has_passed(&reports)?;
    says(&reports, "another program")
}

fn a_process_that_closes_the_report_fails() -> Result<(), Failed> {
    let reports = examine("closes_every_descriptor", &["returns at end of file"])?;
    nothing_has_passed(&reports)
}

// What holds the examiner up.

fn a_child_that_keeps_stdout_open_holds_nothing_up() -> Result<(), Failed> {
    let reports = examine("holds_stdout_open", &["returns at end of file"])?;
    all_have_passed(&reports)
}

fn a_process_that_stops_is_killed() -> Result<(), Failed> {
    let reports = examine("stops_itself_in_its_parents_group", &[])?;
    nothing_has_passed(&reports)?;
    says(&reports, "SIGSTOP")
}

fn an_examiner_cannot_be_stopped() -> Result<(), Failed> {
    let (status, told) = workshop_check("stops_its_parents_group")?;
    ends_with_a_verdict(status, &told)
}

fn an_examiner_cannot_be_killed() -> Result<(), Failed> {
    let (status, told) = workshop_check("kills_its_parent")?;
    ends_with_a_verdict(status, &told)
}

fn a_stopped_examiner_is_noticed() -> Result<(), Failed> {
    let (status, told) = workshop_check("examiner/stopped")?;
    fails_with(status, &told, "stopped by a signal")
}

fn a_killed_examiner_is_no_pass() -> Result<(), Failed> {
    let (status, told) = workshop_check("examiner/killed")?;
    fails_with(status, &told, &passed(2))?;
    fails_with(status, &told, "SIGKILL")
}

// What takes too much.

fn a_flood_on_stdin_reaches_nobody() -> Result<(), Failed> {
    let reports = examine("floods_stdin", &["returns at end of file"])?;
    all_have_passed(&reports)?;
    memory_was_bounded()
}

fn a_flood_of_reports_is_cut() -> Result<(), Failed> {
    let reports = examine("floods_by_number", &["returns at end of file"])?;
    nothing_has_passed(&reports)?;
    memory_was_bounded()
}

fn a_flood_on_stdout_is_cut() -> Result<(), Failed> {
    let reports = examine("floods_stdout", &["returns at end of file"])?;
    says(&reports, "MiB printed")?;
    memory_was_bounded()
}

fn an_examiner_that_prints_without_end_is_cut() -> Result<(), Failed> {
    let (status, told) = workshop_check("examiner/prints")?;
    fails_with(status, &told, "megabytes that are not a report")?;
    memory_was_bounded()
}

fn descriptors_that_are_kept_are_the_cause() -> Result<(), Failed> {
    for answer in ["leaks_descriptors", "raises_its_limit_and_leaks"] {
        let reports = examine(answer, &["returns the error of a reset"])?;
        says(&reports, "your code holds")?;
        nothing_is_missing_here(&reports)?;
    }
    Ok(())
}

fn a_lowered_limit_of_descriptors_is_the_cause() -> Result<(), Failed> {
    let reports = examine(
        "lowers_the_limit_of_descriptors",
        &["returns the error of a reset"],
    )?;
    says(&reports, "RLIMIT_NOFILE")?;
    nothing_is_missing_here(&reports)
}

/// Root's processes are not counted: there the answer is right.
fn a_lowered_limit_of_processes_is_never_a_lack_of_the_machine() -> Result<(), Failed> {
    let reports = examine(
        "lowers_the_limit_of_processes",
        &["returns the error of a reset"],
    )?;
    if !reports
        .iter()
        .all(|report| report.outcome == Outcome::Passed)
    {
        says(&reports, "RLIMIT_NPROC")?;
    }
    nothing_is_missing_here(&reports)
}

fn a_lowered_limit_of_memory_is_the_cause() -> Result<(), Failed> {
    let reports = examine(
        "lowers_the_limit_of_memory",
        &["returns the error of a reset"],
    )?;
    says(&reports, "RLIMIT_AS")?;
    nothing_is_missing_here(&reports)
}

// What is left.

fn a_daemon_is_killed() -> Result<(), Failed> {
    let reports = examine("leaves_a_daemon", &["returns at end of file"])?;
    all_have_passed(&reports)
}

fn a_program_that_runs_away_is_caught() -> Result<(), Failed> {
    let reports = examine("runs_away", &["returns at end of file"])?;
    all_have_passed(&reports)
}

fn a_program_for_each_turn_is_cut() -> Result<(), Failed> {
    let reports = examine("starts_programs_without_end", &["returns at end of file"])?;
    says(&reports, "more than 100 processes")
}

fn every_answer_is_in_the_list() -> Result<(), Failed> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/hostile_answers");
    let files = fs::read_dir(folder)?.flatten().map(|file| file.path());
    let mut names: Vec<String> = files
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    let listed: Vec<&str> = ANSWERS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, listed);
    Ok(())
}

// How they are examined.

/// Runs the checks whose names contain one of these parts, or all, and sees that nothing is left.
fn examine(answer: &str, parts: &[&str]) -> Result<Vec<Report>, Failed> {
    let mut command = Command::new(env::current_exe()?);
    command.args(parts).arg("--json");
    let (_, told) = run(command, answer)?;
    let reports: Vec<Report> = told
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    assert!(!reports.is_empty(), "no check was made");
    Ok(reports)
}

/// `cargo workshop check echo`, with this answer.
fn workshop_check(answer: &str) -> Result<(ExitStatus, String), Failed> {
    let course = env::temp_dir().join(format!(
        "hostile-{}-{}",
        std::process::id(),
        answer.replace('/', "-")
    ));
    fs::create_dir_all(course.join("exercises"))?;
    fs::write(course.join("exercises/03_echo.rs"), "")?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_workshop"));
    command
        .args(["check", "echo"])
        .env("CARGO", env::current_exe()?)
        .env("CARGO_MANIFEST_DIR", course.join("workshop"));
    let ended = run(command, answer);
    fs::remove_dir_all(course)?;
    ended
}

/// Runs it to its end, in a process group of its own. What it and the answer have left is a
/// failure.
fn run(mut command: Command, answer: &str) -> Result<(ExitStatus, String), Failed> {
    static RUNS: AtomicUsize = AtomicUsize::new(1000);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let mark = format!("3600.{}{run}", std::process::id());
    let started = Instant::now();
    let mut child = command
        .env("ANSWER", answer)
        .env("MARK", &mark)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let mut stdout = child.stdout.take().expect("it is piped");
    let reader = thread::spawn(move || {
        let mut told = Vec::new();
        let _ = stdout.read_to_end(&mut told);
        String::from_utf8_lossy(&told).into_owned()
    });
    let ended = Deadline::after(PATIENCE).wait_for(|| child.try_wait())?;
    let left = left_by(&mark, &mut child);
    let told = reader.join().expect("it only reads");
    let took = started.elapsed();
    let Some(status) = ended else {
        return Err(format!("not over after {took:?}:\n{told}").into());
    };
    if !left.is_empty() {
        return Err(format!("still running: {left:?}\n{told}").into());
    }
    Ok((status, told))
}

/// The processes with this mark in their environment or arguments, which are killed.
fn left_by(mark: &str, child: &mut Child) -> Vec<String> {
    let mut left = Vec::new();
    for process in fs::read_dir("/proc").expect("there is a /proc").flatten() {
        let read = |file| fs::read(process.path().join(file)).unwrap_or_default();
        let (command, environment) = (read("cmdline"), read("environ"));
        let has = |text: &[u8]| String::from_utf8_lossy(text).contains(mark);
        let pid = process.file_name().to_string_lossy().parse::<i32>();
        if let (Ok(pid), true) = (pid, has(&command) || has(&environment)) {
            left.push(String::from_utf8_lossy(&command).replace('\0', " "));
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
    let _ = child.wait();
    left
}

// What came of it.

fn nothing_has_passed(reports: &[Report]) -> Result<(), Failed> {
    match reports
        .iter()
        .find(|report| report.outcome == Outcome::Passed)
    {
        Some(report) => Err(full_text(report).into()),
        None => nothing_is_missing_here(reports),
    }
}

fn all_have_passed(reports: &[Report]) -> Result<(), Failed> {
    match reports
        .iter()
        .find(|report| report.outcome != Outcome::Passed)
    {
        Some(report) => Err(full_text(report).into()),
        None => Ok(()),
    }
}

fn nothing_is_missing_here(reports: &[Report]) -> Result<(), Failed> {
    let is_skipped = |report: &&Report| matches!(report.outcome, Outcome::Skipped { .. });
    match reports.iter().find(is_skipped) {
        Some(report) => Err(full_text(report).into()),
        None => Ok(()),
    }
}

/// Every failure has this in it.
fn says(reports: &[Report], words: &str) -> Result<(), Failed> {
    let has = |failure: &Failure| {
        failure
            .to_string()
            .replace("\n            ", " ")
            .contains(words)
    };
    let says =
        |report: &&Report| matches!(&report.outcome, Outcome::Failed(failure) if has(failure));
    match reports.iter().find(|report| !says(report)) {
        Some(report) => Err(format!("expected `{words}`:\n{}", full_text(report)).into()),
        None => Ok(()),
    }
}

fn ends_with_a_verdict(status: ExitStatus, told: &str) -> Result<(), Failed> {
    match status.code() {
        Some(0) if told.contains(&passed(EXERCISE.checks().len())) => Ok(()),
        Some(1) if told.contains("signal") => Ok(()),
        _ => Err(format!("{status}:\n{told}").into()),
    }
}

/// How the command sums up that the first of all checks have passed.
fn passed(count: usize) -> String {
    let [core, hardened] = [Level::Core, Level::Hardened].map(|level| EXERCISE.checks_of(level));
    let of_core = count.min(core);
    let of_hardened = count - of_core;
    format!("{of_core} of {core} core checks passed, {of_hardened} of {hardened} hardened")
}

fn fails_with(status: ExitStatus, told: &str, words: &str) -> Result<(), Failed> {
    match status.code() {
        Some(1) if told.replace("\n            ", " ").contains(words) => Ok(()),
        _ => Err(format!("expected status 1 and `{words}`, not {status}:\n{told}").into()),
    }
}

/// Of whatever has ended by now.
fn memory_was_bounded() -> Result<(), Failed> {
    let most = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    match most < MEMORY {
        true => Ok(()),
        false => Err(format!("a process had {} MiB", most >> 10).into()),
    }
}
