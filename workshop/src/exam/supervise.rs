//! An examination is a process for each check, all at once. Whatever an answer does to its process,
//! it does to one check: the supervisor hears each step as it is done, kills what has not ended by
//! its limit or takes too much of the machine, its children too, and reports.

mod child;
mod ended;

use std::{
    env,
    io::{self, BufRead, BufReader, ErrorKind, Read},
    net::Shutdown,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    process::{Child, Command, ExitCode, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{Signal, killpg},
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::Pid,
};
use socket_workshop::{
    command::{complain, is_reader_gone, output_error},
    deadline::Deadline,
    say,
};

pub(super) use self::child::{Message, Supervisor};
use self::ended::{Ended, Excess};
use super::{
    Suite,
    report::{Outcome, Report, Teller},
};

/// When a check's process is killed. Every wait in a check has a shorter limit of its own.
const KILL_AFTER: Duration = Duration::from_secs(60);

/// What is kept of what an answer prints.
const PRINTED: usize = 2 << 10;

/// How often the supervisor looks after a process that says nothing.
const LOOK_AFTER: Duration = Duration::from_millis(20);

pub(super) fn main<A: Copy>(suite: &Suite<A>, answer: A) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let hold = arguments.iter().any(|argument| argument == "--hold");
    if let [flag, number, ..] = &arguments[..]
        && flag == "--one"
        && let Some((_, check)) = number.parse().ok().and_then(|n: usize| suite.checks.get(n))
    {
        child::examine(hold, |exam| check(exam, answer), suite.cause);
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
    match report_all(suite.exercise, &checks, json, hold) {
        Ok(status) => ExitCode::from(status),
        Err(error) if is_reader_gone(&error) => ExitCode::from(3),
        Err(error) => {
            complain(&format!("{}: cannot examine: {error}", suite.exercise));
            ExitCode::from(3)
        }
    }
}

/// Makes the checks, all at once, and tells each as soon as those before it are told. Those that may
/// be held are made one after the other.
fn report_all(exercise: &str, checks: &[(usize, &str)], json: bool, hold: bool) -> io::Result<u8> {
    let in_full = env::args().any(|argument| argument == "--all");
    let mut reports = Vec::<Report>::new();
    let mut teller = Teller::on_stdout().in_full(in_full);
    let at_once = if hold { 1 } else { checks.len().max(1) };
    for checks in checks.chunks(at_once) {
        thread::scope(|scope| {
            let running: Vec<_> = checks
                .iter()
                .map(|(number, name)| scope.spawn(move || supervise(*number, name, hold)))
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
    let not_here = count(|outcome| matches!(outcome, Outcome::NotHere { .. }));
    if !json {
        say!("{}", teller.end())?;
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
fn supervise(number: usize, name: &str, hold: bool) -> io::Result<Report> {
    let mut started = Instant::now();
    let (reports, stdin) = UnixStream::pair()?;
    reports.set_read_timeout(Some(LOOK_AFTER))?;
    reports.shutdown(Shutdown::Write)?; // an answer that reads stdin gets end of file
    let (output, stdout) = io::pipe()?;
    let mut child = Command::new(env::current_exe()?)
        .args(["--one", &number.to_string()])
        .args(hold.then_some("--hold"))
        .stdin(OwnedFd::from(stdin))
        .stderr(stdout.try_clone()?)
        .stdout(stdout)
        .process_group(0)
        .spawn()?;
    thread::scope(|scope| {
        let printed = scope.spawn(move || keep_beginning(output));
        let heard = hear(&reports, &child, name, &mut started);
        let milliseconds = started.elapsed().as_millis() as u64;
        let status = end(&mut child)?;
        let (steps, ended) = heard?;
        let outcome = ended.outcome(steps, status);
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

/// Hears the steps, and how it ended. What takes too much of the machine is not heard to the end.
fn hear(
    reports: &UnixStream,
    child: &Child,
    name: &str,
    started: &mut Instant,
) -> io::Result<(Vec<String>, Ended)> {
    let (mut steps, mut deadline) = (Vec::new(), Deadline::after(KILL_AFTER));
    let (mut reports, mut line) = (BufReader::new(reports), Vec::new());
    while !deadline.passed() {
        match reports.read_until(b'\n', &mut line) {
            Ok(_) => match serde_json::from_slice(&line) {
                Ok(Message::Step(step)) => steps.push(step),
                Ok(Message::Held(look)) => {
                    let since = Instant::now();
                    show_held(child, name, look)?;
                    *started += since.elapsed(); // the reader's time, not the check's
                    deadline = Deadline::after(KILL_AFTER);
                }
                Ok(Message::End(outcome)) => return Ok((steps, Ended::Said(outcome))),
                Err(_) if has_ended(child) => return Ok((steps, Ended::ByItself)),
                Err(_) => break, // it has closed its stdin, and goes on
            },
            // Time to look after it. What has come of the line stays in `line`.
            Err(_) if is_nobody_listening() => {
                return Err(output_error(ErrorKind::BrokenPipe.into()));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => match Excess::of(child.id()) {
                Some(excess) => return Ok((steps, Ended::Excess(excess))),
                None => continue,
            },
            Err(error) => return Err(error),
        }
        line.clear();
    }
    Ok((steps, Ended::Late))
}

/// Says where to look at the sockets of a check that has failed, waits for Enter, and lets it go on.
fn show_held(child: &Child, name: &str, look: Option<String>) -> io::Result<()> {
    let look = look.unwrap_or_else(|| "netstat -nat".to_owned());
    complain(&format!(
        "FAILED    {name}\n  held    its sockets stay as they are; in another terminal:\n            {look}\n\
         [Enter] goes on, and tells why"
    ));
    io::stdin().read_line(&mut String::new())?;
    let pid = Pid::from_raw(child.id().cast_signed());
    // It says that it stops before it does: the signal to go on must not be the first to come.
    let stops = WaitPidFlag::WSTOPPED | WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    waitid(Id::Pid(pid), stops)?;
    Ok(killpg(pid, Signal::SIGCONT)?)
}

/// Whether the reader of our reports has gone away, or was killed: then there is nobody to go on for.
fn is_nobody_listening() -> bool {
    let stdout = io::stdout();
    let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    let gone = poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0);
    gone && fds[0]
        .revents()
        .is_some_and(|seen| seen.contains(PollFlags::POLLERR))
}

/// Whether the process ends by itself within the next moment. It stays a zombie, so that its number
/// cannot become another's before its group is killed.
fn has_ended(child: &Child) -> bool {
    let pid = Pid::from_raw(child.id().cast_signed());
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
    let look = || match waitid(Id::Pid(pid), flags) {
        Ok(WaitStatus::StillAlive) => Ok(None),
        Ok(_) => Ok(Some(())),
        Err(errno) => Err(errno.into()),
    };
    let limit = Deadline::after(Duration::from_millis(500));
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
