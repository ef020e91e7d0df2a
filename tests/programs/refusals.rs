//! Refuses each stage and claim of each lesson in turn. The lesson must end with status 1 and one
//! message, soon, and leave no process and no file.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    process::{Child, Command},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use crate::common::{PATIENCE, Program, lesson};
use nix::{errno::Errno, sys::signal::killpg, unistd::Pid};
use socket_workshop::{deadline::Deadline, folder::Temporary};

/// How long a lesson may take to end once something has been refused.
const SOON: Duration = Duration::from_secs(2);

/// On a busy machine a lesson may wait longer than that for a CPU, and a slow run is not a hang. So
/// half of all runs must end within [`SOON`], and every run within this.
const AT_LAST: Duration = Duration::from_secs(30);

/// How many lessons run at once. They mostly wait.
const AT_ONCE: usize = 16;

#[test]
fn whatever_is_refused_a_lesson_ends_soon_with_one_message_and_leaves_nothing() {
    let counts = in_parallel(lessons(), |name| (name.clone(), how_many(&name)));
    let refusals = counts
        .iter()
        .flat_map(|(name, count)| (1..=*count).map(move |n| (name.clone(), n)));
    let mut times = in_parallel(refusals.collect(), |(name, n)| refuse(&name, n));
    assert!(times.len() > 120, "{counts:?}");
    times.sort();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    eprintln!(
        "{} refused: {median:.0?}, at most {longest:.0?}",
        times.len()
    );
    assert!(median < SOON, "{median:?} in the median");
}

/// Every lesson that tells a story; `headers` does not.
pub fn lessons() -> Vec<String> {
    let files = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let lessons = paths.filter(|path| !path.ends_with("README.md"));
    let names = lessons.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    names.filter(|name| name != "headers").collect()
}

/// Does this for each, some at a time.
pub fn in_parallel<T: Send, R: Send>(jobs: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let (jobs, results) = (Mutex::new(jobs), Mutex::new(Vec::new()));
    let next = || jobs.lock().unwrap().pop();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(job) = next() {
                    let result = work(job);
                    results.lock().unwrap().push(result);
                }
            });
        }
    });
    results.into_inner().unwrap()
}

/// A lesson at a port of its own, in a process group of its own, by which all it starts can be
/// found.
fn on_any_port(name: &str, refuse: usize, temporary: &Temporary) -> Command {
    let mut command = lesson(name);
    command
        .args(["--listen", "127.0.0.1:0"])
        .env("REFUSE", refuse.to_string())
        .env("TMPDIR", temporary.path())
        .process_group(0);
    command
}

/// How many stages and claims a lesson has: with REFUSE=0 it says so.
fn how_many(name: &str) -> usize {
    let temporary = Temporary::new().unwrap();
    let output = crate::common::run(&mut on_any_port(name, 0, &temporary), "");
    let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{name}: {told}");
    let count = told
        .lines()
        .find_map(|line| line.strip_suffix(" stages and claims can be refused."));
    count.expect("it says how many").parse().unwrap()
}

/// Refuses one. How long the lesson took to end then.
fn refuse(name: &str, n: usize) -> Duration {
    let temporary = Temporary::new().unwrap();
    let mut program = Program::start(&mut on_any_port(name, n, &temporary));
    let group = Pid::from_raw(program.child.id().cast_signed());
    let asked = format!("refused, as REFUSE={n} asks");
    let (lines, when) = everything_said(&mut program.child, &format!("({asked})"));
    let status = program.wait();
    let took = when.map(|when| when.elapsed());
    let what = format!("{name}, REFUSE={n}: {lines:#?}");

    assert_eq!(status.code(), Some(1), "{what}");
    let took = took.unwrap_or_else(|| panic!("nothing was refused: {what}"));
    assert!(took < AT_LAST, "{took:?} after the refusal: {what}");
    let mut said = lines["stderr"].clone();
    if name == "kv" {
        said.retain(|line| line.starts_with("kv: ")); // its story is on stderr, too
    }
    let message = format!("{name}: {asked}: ");
    let one = matches!(&said[..], [line] if line.starts_with(&message));
    assert!(one, "not one message: {what}");
    let left: Vec<_> = fs::read_dir(temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?} is left: {what}");
    // On a busy machine a lesson may end before a server of a thousand threads, which it has killed.
    let no_process = || Ok((killpg(group, None) == Err(Errno::ESRCH)).then_some(()));
    let gone = Deadline::after(PATIENCE).wait_for(no_process).unwrap();
    assert!(gone.is_some(), "a process is left: {what}");
    took
}

type Lines = HashMap<&'static str, Vec<String>>;

/// All lines of both streams, to their ends, and when this one has come.
fn everything_said(child: &mut Child, awaited: &str) -> (Lines, Option<Instant>) {
    let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read = |stream: Box<dyn Read + Send>| {
        let (mut lines, mut when) = (Vec::new(), None);
        for line in BufReader::new(stream).lines() {
            let line = line.unwrap();
            if line == awaited {
                when = Some(Instant::now());
            }
            lines.push(line);
        }
        (lines, when)
    };
    thread::scope(|scope| {
        let errors = scope.spawn(move || read(Box::new(stderr)));
        let (out, in_out) = read(Box::new(stdout));
        let (err, in_err) = errors.join().unwrap();
        let lines = HashMap::from([("stdout", out), ("stderr", err)]);
        (lines, in_out.or(in_err))
    })
}
