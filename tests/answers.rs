//! The checks, checked: every wrong answer is rejected by the check that is about its mistake, for
//! the cause that is about it, and every other right answer passes all checks.
//!
//! A wrong answer's header names both, as `rejected by: ` and `cause: `. Where a `.txt` stands beside
//! it, that is the whole text of the failure, with ports, descriptors and times made constant;
//! `UPDATE=1 cargo test --test answers` writes it anew.
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
use socket_workshop::{
    checks,
    exam::{Outcome, Report, tell},
};

struct Answer {
    name: &'static str,
    source: &'static str,
    examine: fn() -> ExitCode,
}

macro_rules! answers {
    ($($kind:ident { $($exercise:ident $functions:tt: $($name:ident)*;)* })*) => {
        $(mod $kind { $(pub mod $exercise { $(pub mod $name;)* })* })*

        const ANSWERS: &[Answer] = &[$($($(answer!($kind, $exercise, $name, $functions),)*)*)*];
    };
}

macro_rules! answer {
    ($kind:ident, $exercise:ident, $name:ident, ($($function:ident),*)) => {
        Answer {
            name: concat!(stringify!($kind), "/", stringify!($exercise), "/", stringify!($name)),
            source: include_str!(concat!(
                stringify!($kind), "/", stringify!($exercise), "/", stringify!($name), ".rs"
            )),
            examine: || checks::$exercise::SUITE.examine(($($kind::$exercise::$name::$function),*)),
        }
    };
}

answers! {
    wrong_answers {
        listener(listen, serve):
            ;

        dialer(dial):
            ;

        echo(echo): counts_reads forgets_to_close ignores_end_of_file ignores_the_rest lines_only
            never_flushes one_read_is_all stops_at_a_short_read takes_a_reset_for_the_end
            text_only unwraps waits_for_the_end whole_buffer;

        deadlines(read_line_within): a_new_reader_each_time a_timeout_for_each_read
            closes_at_the_time_out compares_with_max_at_the_end counts_in_microseconds
            counts_the_newline cuts_long_lines gives_up_at_a_signal has_no_max
            has_no_room_for_the_newline keeps_the_newline leaves_a_thread_behind
            looks_at_the_clock_only makes_text_of_each_piece matches_timed_out_only
            one_read_is_a_line passes_zero_on peeks_at_the_same_again
            reads_again_after_each_time_out replaces_what_is_no_text spins
            starts_again_after_a_pause stops_at_what_is_no_text subtracts_too_much
            takes_a_whole_buffer takes_an_error_for_the_end takes_the_end_for_a_newline trims
            unwraps waits_after_the_end;

        heartbeat(watch):
            ;

        reuseaddr(restart):
            ;

        kv(serve_client):
            ;
    }
    right_answers {
        listener(listen, serve):
            ;

        dialer(dial):
            ;

        echo(echo): a_byte_at_a_time fill_and_consume io_copy two_threads;

        deadlines(read_line_within): a_byte_at_a_time naps polls the_workshops_own;

        heartbeat(watch):
            ;

        reuseaddr(restart):
            ;

        kv(serve_client):
            ;
    }
}

fn main() -> ExitCode {
    if let Ok(name) = env::var("ANSWER") {
        let answer = ANSWERS.iter().find(|answer| answer.name == name);
        return (answer
            .expect("the test names an answer of the list")
            .examine)();
    }
    let mut arguments = Arguments::from_args();
    // Most of them hang, for that is their mistake: many can hang at once.
    arguments.test_threads = arguments.test_threads.or(Some(12));
    let mut trials = vec![Trial::test(
        "every_answer_is_in_the_list",
        every_answer_is_in_the_list,
    )];
    trials.extend(ANSWERS.iter().map(|answer| {
        let verdict = match answer.name.starts_with("wrong") {
            true => is_rejected_for_its_mistake,
            false => passes_every_check,
        };
        Trial::test(answer.name, move || verdict(answer))
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn is_rejected_for_its_mistake(answer: &Answer) -> Result<(), Failed> {
    let header = |key: &str| {
        let mut lines = answer
            .source
            .lines()
            .take_while(|line| line.starts_with("//!"));
        lines
            .find_map(|line| line.strip_prefix("//! ")?.strip_prefix(key))
            .ok_or_else(|| Failed::from(format!("the header has no line `{key}`")))
    };
    let (check, cause) = (header("rejected by: ")?, header("cause: ")?);
    let reports = examine(answer, &[check])?;
    let report = reports.iter().find(|report| report.check == check);
    let report = report.ok_or_else(|| format!("there is no check `{check}`"))?;
    let text = tell(report);
    match &report.outcome {
        Outcome::Failed(failure) if failure.cause.as_ref().is_some_and(|is| is.contains(cause)) => {
        }
        _ => return Err(format!("expected the cause `{cause}`:\n{text}").into()),
    }
    let kept = path(answer).with_extension("txt");
    if !kept.exists() {
        return Ok(());
    }
    let text = constant(&text);
    if env::var_os("UPDATE").is_some() {
        fs::write(kept, text)?;
    } else if fs::read_to_string(&kept)? != text {
        return Err(format!("not as in {}:\n{text}", kept.display()).into());
    }
    Ok(())
}

fn passes_every_check(answer: &Answer) -> Result<(), Failed> {
    let reports = examine(answer, &[])?;
    let not_passed =
        |report: &&Report| matches!(report.outcome, Outcome::Failed(_) | Outcome::Todo { .. });
    match reports.iter().find(not_passed) {
        Some(report) => Err(tell(report).into()),
        None if reports.is_empty() => Err("no check was made".into()),
        None => Ok(()),
    }
}

/// Runs the checks whose names contain one of these parts, or all.
fn examine(answer: &Answer, parts: &[&str]) -> Result<Vec<Report>, Failed> {
    let output = Command::new(env::current_exe()?)
        .env("ANSWER", answer.name)
        .args(parts)
        .arg("--json")
        .output()?;
    let reports = String::from_utf8(output.stdout)?;
    Ok(reports
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?)
}

fn every_answer_is_in_the_list() -> Result<(), Failed> {
    let listed: BTreeSet<PathBuf> = ANSWERS.iter().map(path).collect();
    let mut there = BTreeSet::new();
    for kind in ["wrong_answers", "right_answers"] {
        for exercise in fs::read_dir(tests().join(kind))? {
            let files = fs::read_dir(exercise?.path())?;
            let paths = files.map(|file| file.map(|file| file.path()));
            there.extend(paths.collect::<Result<Vec<_>, _>>()?);
        }
    }
    there.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    match listed == there {
        true => Ok(()),
        false => Err(format!("{:?}", listed.symmetric_difference(&there)).into()),
    }
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn path(answer: &Answer) -> PathBuf {
    tests().join(answer.name).with_extension("rs")
}

/// The text without what differs from run to run: ports become `port1`, `port2`, … in the order in
/// which they appear, descriptors `fd N`, and the time it took goes.
fn constant(text: &str) -> String {
    let mut ports: Vec<String> = Vec::new();
    let mut constant = String::new();
    for line in text.lines() {
        let line = match line.starts_with(' ') {
            true => line,
            false => line.trim_end_matches(|c: char| c.is_ascii_digit() || " .ms".contains(c)),
        };
        let mut words = Vec::new();
        for word in line.split(' ') {
            let end = word.trim_end_matches(|c: char| !c.is_ascii_digit());
            let start = end.trim_end_matches(|c: char| c.is_ascii_digit());
            let (number, after) = (&end[start.len()..], &word[end.len()..]);
            let is_port = start.ends_with(':') || ports.iter().any(|port| port == number);
            words.push(
                if words
                    .last()
                    .is_some_and(|last| last == "fd" || last == "(yours,fd")
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
