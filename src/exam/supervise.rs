//! An examination is a process for each check, all at once. Whatever an answer does to its process,
//! it does to one check: the supervisor hears each step as it is done, kills what has not ended by
//! its limit, its children too, and reports.

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{
            net::UnixStream,
            process::{CommandExt, ExitStatusExt},
        },
    },
    panic::{self, AssertUnwindSafe},
    process::{self, Child, Command, ExitCode, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        resource::{Resource, setrlimit},
        signal::{Signal, killpg},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use super::{
    Case, Exam, Suite, Unmet,
    answer::{problems, record_panics},
    report::{Failure, Outcome, Report, Teller},
};
use crate::{command::is_reader_gone, say};

/// When a check's process is killed. Every wait in a check has a shorter limit of its own.
const KILL_AFTER: Duration = Duration::from_secs(15);

/// What is kept of what an answer prints.
const PRINTED: usize = 2 << 10;

/// Data that an answer may allocate: enough for any right one, and far from the machine's end.
const MEMORY: u64 = 2 << 30;

/// What a check's process says on its stdin, a socket: a line of JSON each.
#[derive(Serialize, Deserialize)]
pub(super) enum Message {
    Step(String),
    End(Outcome),
}

/// The way from a check's process to its supervisor.
pub(super) struct Supervisor(UnixStream);

impl Supervisor {
    pub(super) fn hear(&self, message: &Message) {
        let mut line = serde_json::to_vec(message).expect("strings and lists have a form in JSON");
        line.push(b'\n');
        let _ = (&self.0).write_all(&line);
    }
}

pub(super) fn main<A: Copy>(suite: &Suite<A>, answer: A) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [flag, number] = &arguments[..]
        && flag == "--one"
        && let Some((_, check)) = number.parse().ok().and_then(|n: usize| suite.checks.get(n))
    {
        examine_one(|exam| check(exam, answer), suite.cause);
    }
    let parts: Vec<&String> = arguments
        .iter()
        .filter(|part| !part.starts_with("--"))
        .collect();
    let chosen = |name: &str| parts.is_empty() || parts.iter().any(|part| name.contains(*part));
    let checks: Vec<(usize, &str)> = suite
        .checks
        .iter()
        .map(|(name, _)| *name)
        .enumerate()
        .filter(|(_, name)| chosen(name))
        .collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    match report_all(suite.exercise, &checks, json) {
        Ok(status) => ExitCode::from(status),
        Err(error) if is_reader_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            crate::command::complain(&format!("{}: cannot examine: {error}", suite.exercise));
            ExitCode::from(3)
        }
    }
}

/// Makes the checks, all at once, and tells each as soon as those before it are told.
fn report_all(exercise: &str, checks: &[(usize, &str)], json: bool) -> io::Result<u8> {
    let (mut reports, mut teller) = (Vec::<Report>::new(), Teller::default());
    thread::scope(|scope| {
        let running: Vec<_> = checks
            .iter()
            .map(|(number, name)| scope.spawn(move || supervise(*number, name)))
            .collect();
        for report in running {
            let report = report.join().expect("the supervisor returns its errors")?;
            if json {
                say!("{}", serde_json::to_string(&report)?)?;
            } else {
                say!("{}", teller.tell(&report))?;
            }
            reports.push(report);
        }
        io::Result::Ok(())
    })?;
    let count =
        |is: fn(&Outcome) -> bool| reports.iter().filter(|report| is(&report.outcome)).count();
    let passed = count(|outcome| *outcome == Outcome::Passed);
    let not_here = count(|outcome| matches!(outcome, Outcome::NotHere { .. }));
    if !json {
        let note = if not_here > 0 {
            format!("; {not_here} could not be made here")
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

/// Makes one check in a process of its own.
fn supervise(number: usize, name: &str) -> io::Result<Report> {
    let started = Instant::now();
    let (reports, stdin) = UnixStream::pair()?;
    reports.set_read_timeout(Some(KILL_AFTER))?;
    reports.shutdown(std::net::Shutdown::Write)?; // an answer that reads stdin gets end of file
    let (output, stdout) = io::pipe()?;
    let mut child = Command::new(env::current_exe()?)
        .args(["--one", &number.to_string()])
        .stdin(OwnedFd::from(stdin))
        .stderr(stdout.try_clone()?)
        .stdout(stdout)
        .process_group(0)
        .spawn()?;
    thread::scope(|scope| {
        let printed = scope.spawn(move || keep_beginning(output));
        let (steps, mut outcome) = listen(&reports);
        if let Some(Outcome::Failed(failure)) = &mut outcome {
            failure.steps.clone_from(&steps);
        }
        let milliseconds = started.elapsed().as_millis() as u64;
        let ended = outcome.is_some() || has_ended(&child);
        let status = end(&mut child)?;
        let outcome = outcome.unwrap_or_else(|| no_outcome(steps, ended.then_some(status)));
        let (printed, printed_bytes) = printed.join().expect("it only reads");
        Ok(Report {
            check: name.to_owned(),
            outcome,
            milliseconds,
            printed,
            printed_bytes,
        })
    })
}

/// Hears the steps and the outcome; no outcome if the process ended, or its time, before it.
fn listen(reports: &UnixStream) -> (Vec<String>, Option<Outcome>) {
    let (mut steps, deadline) = (Vec::new(), Instant::now() + KILL_AFTER);
    for line in BufReader::new(reports).lines() {
        match line.ok().and_then(|line| serde_json::from_str(&line).ok()) {
            Some(Message::Step(step)) => steps.push(step),
            Some(Message::End(outcome)) => return (steps, Some(outcome)),
            None => break,
        }
        if Instant::now() > deadline {
            break;
        }
    }
    (steps, None)
}

/// Whether the process ends by itself within the next moment. It stays a zombie, so that its number
/// cannot become another's before its group is killed.
fn has_ended(child: &Child) -> bool {
    let pid = Pid::from_raw(child.id().cast_signed());
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
    let look = || match waitid(Id::Pid(pid), flags) {
        Ok(nix::sys::wait::WaitStatus::StillAlive) => Ok(None),
        Ok(_) => Ok(Some(())),
        Err(errno) => Err(errno.into()),
    };
    let limit = crate::deadline::Deadline::after(Duration::from_millis(500));
    matches!(limit.wait_for(look), Ok(Some(())))
}

/// Kills the process and all that it has started, and says how it ended.
fn end(child: &mut Child) -> io::Result<ExitStatus> {
    let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
    child.wait()
}

fn keep_beginning(mut output: impl Read) -> (String, u64) {
    let (mut kept, mut total, mut buf) = (Vec::new(), 0, [0; 8 << 10]);
    while let Ok(n @ 1..) = output.read(&mut buf) {
        total += n as u64;
        let room = PRINTED - kept.len();
        kept.extend(&buf[..n.min(room)]);
    }
    (String::from_utf8_lossy(&kept).into_owned(), total)
}

/// The check's process ended, or was killed, before the check did.
fn no_outcome(steps: Vec<String>, status: Option<ExitStatus>) -> Outcome {
    let (seen, cause) = match status.map(|status| (status.code(), status.signal())) {
        Some((Some(code), _)) => (
            format!("the whole process has ended, with exit status {code}"),
            "Your code calls `std::process::exit`: that ends everything, the exam too. Return instead.",
        ),
        Some((None, signal)) => (
            format!(
                "the whole process was ended by signal {}",
                signal.unwrap_or(0)
            ),
            "`abort`, a stack overflow, or memory without limit: none of them can be caught.",
        ),
        None => (
            format!("it was killed after {KILL_AFTER:?}"),
            "Your code leaves the exam no room: threads without number, or all of the processor.",
        ),
    };
    Outcome::Failed(Failure {
        steps,
        expected: "the check to come to its end".to_owned(),
        seen,
        kernel: vec!["nothing is left to look at".to_owned()],
        cause: Some(cause.to_owned()),
        look: None,
    })
}

/// The check's own process: makes the check, says what came of it, and ends, whatever else is running.
fn examine_one(
    check: impl FnOnce(&Exam) -> super::Verdict,
    cause: fn(&Case) -> Option<String>,
) -> ! {
    record_panics();
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let _ = setrlimit(Resource::RLIMIT_DATA, MEMORY, MEMORY);
    let socket = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .expect("a new process has descriptors");
    let exam = Exam::new(Supervisor(socket.into()));
    let verdict = panic::catch_unwind(AssertUnwindSafe(|| check(&exam)));
    let outcome = todo().unwrap_or_else(|| match verdict {
        Ok(Ok(())) => Outcome::Passed,
        Ok(Err(Unmet::NotHere(why))) => Outcome::NotHere { why },
        Ok(Err(Unmet::Failed(case))) => Outcome::Failed(case.close(cause)),
        Err(_) => Outcome::NotHere {
            why: format!("the check itself is broken: {:?}", problems()),
        },
    });
    exam.supervisor.hear(&Message::End(outcome));
    process::exit(0);
}

/// Whether the answer has not been written yet.
fn todo() -> Option<Outcome> {
    let problems = problems();
    let problem = problems
        .iter()
        .find(|problem| problem.message.starts_with("not yet implemented"))?;
    let hint = problem
        .message
        .trim_start_matches("not yet implemented")
        .trim_start_matches(": ");
    Some(Outcome::Todo {
        hint: hint.to_owned(),
        at: problem.at.clone(),
    })
}
