//! `cargo workshop` as a student drives it, in a copy of this checkout: what it says, what it
//! remembers, what it does to files, and its exit status.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::common::{PATIENCE, Program, run};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket_workshop::{
    deadline::Deadline,
    table::{Kernel, State},
};
use workshop::{course::find, exam::Level};

/// One copy for all tests, which take turns: it is built once.
static TURN: Mutex<()> = Mutex::new(());

/// The number of checks of echo, the exercise that these tests drive: of its core rules, and of its
/// hardened ones.
fn checks() -> (usize, usize) {
    let of = |level| find("echo").unwrap().checks_of(level);
    (of(Level::Core), of(Level::Hardened))
}

pub struct Checkout {
    root: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Checkout {
    /// The copy as a fresh clone has it: nothing done, every exercise as it was at the beginning.
    pub fn fresh() -> Checkout {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let here = checkout();
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("checkout");
        for part in [
            "Cargo.toml",
            "Cargo.lock",
            "src",
            "benches",
            "examples",
            "exercises",
            "solutions",
            "tests",
            "wire",
            "exam",
            "workshop",
        ] {
            copy(&here.join(part), &root.join(part));
        }
        let checkout = Checkout { root, _turn: turn };
        let _ = fs::remove_dir_all(checkout.root.join(".workshop"));
        let _ = fs::remove_file(checkout.root.join(".workshop"));
        for exercise in fs::read_dir(here.join("workshop/exercises")).unwrap() {
            let exercise = exercise.unwrap();
            let name = exercise.file_name().into_string().unwrap();
            let text = fs::read(exercise.path().join("starter.rs")).unwrap();
            write(&checkout.exercise(&name), &text);
        }
        checkout
    }

    /// The file of an exercise.
    pub fn exercise(&self, name: &str) -> PathBuf {
        let mut files = fs::read_dir(self.root.join("exercises"))
            .unwrap()
            .map(|file| file.unwrap().path());
        files
            .find(|file| file.to_string_lossy().ends_with(&format!("_{name}.rs")))
            .unwrap()
    }

    pub fn solve(&self, name: &str) {
        let file = self.exercise(name);
        let solution = self.root.join("solutions").join(file.file_name().unwrap());
        write(&file, &fs::read(solution).unwrap());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_workshop"));
        command
            .args(arguments)
            .current_dir(&self.root)
            .env("CARGO_MANIFEST_DIR", self.root.join("workshop"))
            .env("CARGO", env!("CARGO"))
            // Not ours: cargo tells packages apart by their place in the workspace, and these have
            // the same as ours.
            .env(
                "CARGO_TARGET_DIR",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("target"),
            )
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    #[track_caller]
    pub fn workshop(&self, arguments: &[&str], status: i32) -> (String, String) {
        let Output {
            status: ended,
            stdout,
            stderr,
        } = run(&mut self.command(arguments), "");
        let (stdout, stderr) = (
            String::from_utf8(stdout).unwrap(),
            String::from_utf8(stderr).unwrap(),
        );
        assert_eq!(
            ended.code(),
            Some(status),
            "{arguments:?}\n{stdout}\n{stderr}"
        );
        (stdout, stderr)
    }
}

/// Where this is built.
fn checkout() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("the package is in a folder of its own")
}

/// Copies what differs, so that cargo rebuilds only what has changed, and removes what an earlier
/// copy has left and is no longer there.
fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        for entry in fs::read_dir(to).into_iter().flatten() {
            let old = entry.unwrap().path();
            let is_there = from.join(old.file_name().unwrap()).exists();
            if !is_there && old.is_dir() {
                fs::remove_dir_all(old).unwrap();
            } else if !is_there {
                fs::remove_file(old).unwrap();
            }
        }
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy(&from.join(&name), &to.join(&name));
        }
    } else {
        write(to, &fs::read(from).unwrap());
    }
}

fn write(file: &Path, text: &[u8]) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    if fs::read(file).ok().as_deref() != Some(text) {
        fs::write(file, text).unwrap();
    }
}

#[test]
fn welcomes_once_and_says_what_is_next() {
    let checkout = Checkout::fresh();
    let (first, _) = checkout.workshop(&[], 0);
    assert!(first.starts_with("Welcome"), "{first}");
    assert!(first.contains("cargo workshop watch"), "{first}");
    let (second, _) = checkout.workshop(&[], 0);
    assert!(
        !second.contains("Welcome") && second.contains("0 of "),
        "{second}"
    );
    assert!(
        first.lines().count() - second.lines().count() <= 10,
        "{first}"
    );
}

#[test]
fn remembers_what_has_passed_and_what_has_changed_since() {
    let checkout = Checkout::fresh();
    let (core, hardened) = checks();
    let (told, _) = checkout.workshop(&["check", "echo"], 1);
    assert!(
        told.contains(&format!(
            "echo: 0 of {core} core checks passed, 0 of {hardened} hardened."
        )),
        "{told}"
    );
    checkout.solve("echo");
    let (told, _) = checkout.workshop(&["check", "3"], 0);
    assert!(
        told.contains(&format!(
            "echo is done, and hardened: {core} of {core} core checks passed"
        )),
        "{told}"
    );
    let line = |list: &str| {
        list.lines()
            .find(|line| line.contains("03_echo"))
            .unwrap()
            .to_owned()
    };
    let (list, _) = checkout.workshop(&["list"], 0);
    assert!(
        line(&list).contains("done, and hardened")
            && line(&list).contains(&format!("{core}/{core}"))
            && line(&list).contains(&format!("{hardened}/{hardened}")),
        "{list}"
    );
    let file = checkout.exercise("echo");
    let changed = fs::read_to_string(&file).unwrap() + "\n// one more thought\n";
    fs::write(&file, changed).unwrap();
    let (list, _) = checkout.workshop(&["list"], 0);
    assert!(line(&list).contains("changed since it passed"), "{list}");
}

/// Echo as the core rules want it, but a reset makes it panic.
const NOT_HARDENED: &str = "pub fn echo(mut stream: std::net::TcpStream) -> std::io::Result<u64> {
        use std::io::{Read, Write};
        let (mut buf, mut total) = ([0; 4096], 0);
        loop {
            let n = stream.read(&mut buf).unwrap();
            if n == 0 {
                return Ok(total);
            }
            stream.write_all(&buf[..n]).unwrap();
            total += n as u64;
        }
    }
    fn main() -> std::process::ExitCode {
        workshop::checks::echo::SUITE.examine(echo)
    }";

#[test]
fn an_exercise_is_done_when_its_core_checks_pass_and_then_shows_the_others() {
    let checkout = Checkout::fresh();
    let (core, hardened) = checks();
    let (told, _) = checkout.workshop(&["check", "echo"], 1);
    let later = format!("{hardened} checks of the hardened rules: shown when");
    assert!(told.contains(&later), "{told}");
    fs::write(checkout.exercise("echo"), NOT_HARDENED).unwrap();
    let (told, _) = checkout.workshop(&["check", "echo"], 1);
    assert!(!told.contains("shown when"), "{told}");
    assert!(
        told.contains("(hardened): When the connection is reset"),
        "{told}"
    );
    let done = format!("echo is done: {core} of {core} core checks passed");
    assert!(told.contains(&done), "{told}");
    let (told, _) = checkout.workshop(&[], 0);
    assert!(told.contains("1 of 21 exercises are done"), "{told}");
}

#[test]
fn an_exercise_with_a_check_that_could_not_be_made_is_not_done() {
    let checkout = Checkout::fresh();
    checkout.solve("echo");
    let file = checkout.exercise("echo");
    let solution = fs::read_to_string(&file).unwrap();
    let (solved, _) = solution.split_once("fn main()").unwrap();
    // The examiner of a machine that lacks what the first check needs.
    let main = r##"fn main() {
        let rules = (workshop::checks::echo::EXERCISE.rules)().into_iter();
        let checks = rules.flat_map(|(rule, checks)| {
            checks.into_iter().map(move |name| (rule.clone(), name))
        });
        for (place, (rule, name)) in checks.enumerate() {
            let outcome = match place {
                0 => r#""outcome":"skipped","why":"there is no IPv6""#,
                _ => r#""outcome":"passed""#,
            };
            let printed = r#""milliseconds":1,"printed":"","printed_bytes":0"#;
            let (number, level) = (rule.number, rule.level);
            let rule = format!(r#"{{"number":{number},"level":"{level}","text":"x"}}"#);
            println!("{{\"check\":\"{name}\",\"rule\":{rule},{outcome},{printed}}}");
        }
    }"##;
    fs::write(&file, format!("{solved}{main}")).unwrap();
    let (core, hardened) = checks();
    let passed = core - 1;
    let score = format!(
        "{passed} of {core} core checks passed, {hardened} of {hardened} hardened; 1 could not be \
         made here"
    );
    let (told, _) = checkout.workshop(&["check", "echo"], 3);
    assert!(told.contains(&format!("echo: {score}.")), "{told}");
    let (list, _) = checkout.workshop(&["list"], 0);
    let line = list.lines().find(|line| line.contains("03_echo")).unwrap();
    assert!(
        line.starts_with('>') && line.contains("not yet: 1 not made here"),
        "{line}"
    );
    assert!(line.contains(&format!(" {passed}/{core} ")), "{line}");
    let (told, _) = checkout.workshop(&[], 0);
    assert!(told.contains("0 of 21 exercises are done"), "{told}");
    let watch = run(&mut checkout.command(&["watch", "echo"]), "");
    let told = String::from_utf8(watch.stdout).unwrap();
    assert!(told.contains(&format!("{score}. c checks again")), "{told}");
    assert_eq!(watch.status.code(), Some(3));
    checkout.solve("echo");
    let (told, _) = checkout.workshop(&["check", "echo"], 0);
    assert!(
        told.contains(&format!("echo is done, and hardened: {core} of {core}")),
        "{told}"
    );
}

#[test]
fn reports_in_json_for_programs() {
    let checkout = Checkout::fresh();
    checkout.solve("echo");
    let (line, _) = checkout.workshop(&["check", "echo", "--json"], 0);
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(json["status"], "passed");
    let (core, hardened) = checks();
    assert_eq!(json["checks"].as_array().unwrap().len(), core + hardened);
    assert_eq!(json["checks"][0]["outcome"], "passed");
}

#[test]
fn shows_the_compilers_own_words() {
    let checkout = Checkout::fresh();
    fs::write(checkout.exercise("echo"), "pub fn echo() {").unwrap();
    let (told, errors) = checkout.workshop(&["check", "echo"], 1);
    assert!(told.contains("echo does not compile"), "{told}");
    assert!(errors.contains("exercises/03_echo.rs:1:"), "{errors}");
}

#[test]
fn tells_wrong_usage_from_what_cannot_be_checked() {
    let checkout = Checkout::fresh();
    let (_, error) = checkout.workshop(&["check", "ehco"], 2);
    assert!(
        error.contains("did you mean `echo`?") && error.lines().count() == 1,
        "{error}"
    );
    let (_, error) = checkout.workshop(&["chekc"], 2);
    assert!(
        error.contains("did you mean `check`?") && error.lines().count() == 1,
        "{error}"
    );
    checkout.workshop(&["reset"], 2);
    let output = run(
        checkout
            .command(&["check", "echo"])
            .env("CARGO", "/no/such/cargo"),
        "",
    );
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    fs::remove_file(checkout.exercise("echo")).unwrap();
    let (_, error) = checkout.workshop(&["check", "echo"], 3);
    assert!(
        error.contains("cannot read") && error.contains("03_echo.rs"),
        "{error}"
    );
    let (told, _) = checkout.workshop(&["check", "echo", "kv"], 1);
    assert!(told.contains("kv: 0 of"), "{told}");
}

#[test]
fn holds_the_sockets_of_a_failure_until_they_have_been_looked_at() {
    let checkout = Checkout::fresh();
    let (answer, _) = checkout.workshop(&["mistake", "echo", "forgets_to_close"], 0);
    let main = "fn main() -> std::process::ExitCode {
        workshop::checks::echo::SUITE.examine(echo)
    }";
    write(
        &checkout.exercise("echo"),
        format!("{answer}\n{main}").as_bytes(),
    );
    let mut command = checkout.command(&["check", "echo", "--hold"]);
    let mut program = Program::start(command.stdin(Stdio::piped()));
    let mut told = BufReader::new(program.child.stderr.take().unwrap()).lines();
    let mut ports = told.by_ref().map(Result::unwrap).filter_map(|line| {
        let (_, port) = line.split_once("netstat -nat | grep ")?;
        port.parse().ok()
    });
    let port: u16 = ports.next().unwrap();
    let table = Kernel::open().unwrap().table().unwrap().of_ports(&[port]);
    assert!(
        table.rows.iter().any(|row| row.state == State::CloseWait),
        "{table:?}"
    );
    drop(program.stdin.take()); // the end of stdin means go on
    ports.for_each(drop);
    assert_eq!(program.wait().code(), Some(1));
    wait_for(PATIENCE, || examining() == 0);
}

#[test]
fn leaves_nothing_running_when_it_is_killed() {
    let checkout = Checkout::fresh();
    // A sleep that ends before the ceiling is waited for. A longer one is proven to be a hang
    // within milliseconds, and then the ten checks are hardly ever seen at once.
    let sleeps = "pub fn echo(_: std::net::TcpStream) -> std::io::Result<u64> {
        loop {
            std::thread::sleep(std::time::Duration::from_secs(30));
        }
    }
    fn main() -> std::process::ExitCode {
        workshop::checks::echo::SUITE.examine(echo)
    }";
    fs::write(checkout.exercise("echo"), sleeps).unwrap();
    let mut workshop = checkout.command(&["check", "echo"]).spawn().unwrap();
    // Some checks are over before the last one has begun.
    wait_for(PATIENCE, || examining() > checks().0);
    workshop.kill().unwrap();
    workshop.wait().unwrap();
    // Sooner than the sleep ends.
    wait_for(Duration::from_secs(10), || examining() == 0);
}

/// How many processes make a check of this exercise in the copy.
fn examining() -> usize {
    let processes = fs::read_dir("/proc").unwrap();
    let commands = processes
        .filter_map(|process| fs::read_to_string(process.ok()?.path().join("cmdline")).ok());
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("target");
    let examines = |command: &String| {
        command.starts_with(&*target.to_string_lossy()) && command.contains("\0--one\0")
    };
    commands.filter(examines).count()
}

#[track_caller]
fn wait_for(limit: Duration, holds: impl Fn() -> bool) {
    let look = || Ok(holds().then_some(()));
    assert!(Deadline::after(limit).wait_for(look).unwrap().is_some());
}

#[test]
fn gives_one_hint_at_a_time_and_the_solution_on_a_second_asking() {
    let checkout = Checkout::fresh();
    let hint = || checkout.workshop(&["hint", "echo"], 0).0;
    let hints = [hint(), hint(), hint()];
    assert!(
        hints[0].contains("1 of 3") && hints[1].contains("2 of 3") && hints[2].contains("3 of 3")
    );
    assert!(hint().contains("That was the last hint"));
    let (told, _) = checkout.workshop(&["solution", "03_echo"], 0);
    assert!(
        told.contains("has not passed yet") && !told.contains("write_all"),
        "{told}"
    );
    let (told, _) = checkout.workshop(&["solution", "03_echo"], 0);
    assert!(told.contains("write_all"), "{told}");
}

#[test]
fn lists_the_mistakes_of_an_exercise_and_prints_the_program_of_one() {
    let checkout = Checkout::fresh();
    let (list, _) = checkout.workshop(&["mistake", "03_echo"], 0);
    assert!(
        list.contains("\nwhole_buffer\n    Writes the whole buffer after a read"),
        "an edit: {list}"
    );
    assert!(list.contains("\nwaits_for_the_end\n"), "a program: {list}");
    let (program, _) = checkout.workshop(&["mistake", "echo", "whole_buffer"], 0);
    let head = "\
//! Writes the whole buffer after a read that has filled only a part of it.
//!
//! rejected by: echoes only what the last read returned
//! cause: your code writes the whole buffer

use std::{
";
    assert!(program.starts_with(head), "{program}");
    assert!(program.contains("stream.write_all(&buf)?;"), "{program}");
    assert!(!program.contains("&buf[..n]"), "{program}");
    let (program, _) = checkout.workshop(&["mistake", "echo", "waits_for_the_end"], 0);
    assert_eq!(program.matches("//! rejected by: ").count(), 1, "{program}");
}

#[test]
fn says_the_nearest_name_of_a_mistake() {
    let checkout = Checkout::fresh();
    let (_, error) = checkout.workshop(&["mistake", "echo", "whole_bufer"], 2);
    assert!(error.contains("did you mean `whole_buffer`?"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    let (_, error) = checkout.workshop(&["mistake", "echo", "7"], 2);
    assert!(
        error.contains("`cargo workshop mistake echo` lists them"),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1, "{error}");
    let (_, error) = checkout.workshop(&["mistake", "ehco"], 2);
    assert!(error.contains("did you mean `echo`?"), "{error}");
}

#[test]
fn resets_to_the_starter_and_keeps_what_was_there() {
    let checkout = Checkout::fresh();
    let file = checkout.exercise("echo");
    let starter = fs::read(&file).unwrap();
    for (number, mine) in [(1, "// mine"), (2, "// mine too")] {
        fs::write(&file, mine).unwrap();
        let (told, _) = checkout.workshop(&["reset", "echo"], 0);
        let kept = format!(".workshop/kept/03_echo.{number}.rs");
        assert!(told.contains(&kept), "{told}");
        assert_eq!(fs::read_to_string(checkout.root.join(kept)).unwrap(), mine);
        assert_eq!(fs::read(&file).unwrap(), starter);
    }
    let (told, _) = checkout.workshop(&["reset", "--all"], 0);
    assert!(!told.contains("kept"), "nothing was changed: {told}");
}

#[test]
fn sets_damaged_progress_aside() {
    let checkout = Checkout::fresh();
    let file = checkout.root.join(".workshop/progress.json");
    write(&file, b"{\"current\": 7");
    let (told, message) = checkout.workshop(&["list"], 0);
    assert!(
        message.contains("is damaged") && message.lines().count() == 1,
        "{message}"
    );
    assert!(told.contains("03_echo"), "{told}");
    assert_eq!(
        fs::read(file.with_extension("damaged")).unwrap(),
        b"{\"current\": 7"
    );
}

#[test]
fn goes_on_where_progress_cannot_be_saved() {
    let checkout = Checkout::fresh();
    checkout.solve("echo");
    fs::write(checkout.root.join(".workshop"), "no folder").unwrap();
    let (told, message) = checkout.workshop(&["check", "echo"], 0);
    assert!(told.contains("echo is done"), "{told}");
    assert!(message.contains("progress is not saved"), "{message}");
}

#[test]
fn works_from_a_subdirectory() {
    let checkout = Checkout::fresh();
    checkout.solve("echo");
    let output = run(
        checkout
            .command(&["check", "echo"])
            .current_dir(checkout.root.join("exercises")),
        "",
    );
    assert!(output.status.success(), "{output:?}");
}

/// What a program has written to its terminal so far.
struct Screen {
    terminal: fs::File,
    text: String,
}

impl Screen {
    /// Waits until this is on the screen, behind what has been waited for before.
    #[track_caller]
    fn shows(&mut self, words: &str) {
        self.shows_one_of(&[words]);
    }

    /// As [`Screen::shows`], for one of several texts. Returns which.
    #[track_caller]
    fn shows_one_of(&mut self, texts: &[&str]) -> usize {
        let deadline = Deadline::after(PATIENCE);
        loop {
            let found = texts.iter().map(|words| self.text.find(words));
            if let Some((which, at)) = found.enumerate().find_map(|(n, at)| Some((n, at?))) {
                self.text.drain(..at + texts[which].len());
                return which;
            }
            let left = deadline.remaining().unwrap_or_default();
            let mut readable = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
            let limit = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            let is_readable = poll(&mut readable, limit) == Ok(1);
            assert!(is_readable, "none of {texts:?} in:\n{}", self.text);
            let mut buf = [0; 4096];
            match self.terminal.read(&mut buf) {
                Ok(n @ 1..) => self.text += &String::from_utf8_lossy(&buf[..n]),
                other => panic!("{other:?} before {texts:?} in:\n{}", self.text),
            }
        }
    }

    /// Waits until all checks have passed. A busy machine may not allow one of them: once more then.
    #[track_caller]
    fn shows_that_all_passed(&mut self) {
        let outcomes = ["Done, and hardened", "could not be made here"];
        for _attempt in 0..10 {
            match self.shows_one_of(&outcomes) {
                0 => return,
                _ => self.press("c"),
            }
        }
        panic!("this machine is too busy: {}", self.text);
    }

    fn press(&mut self, key: &str) {
        self.terminal.write_all(key.as_bytes()).unwrap();
    }
}

#[test]
fn watch_examines_on_save_and_listens_to_keys() {
    let checkout = Checkout::fresh();
    let pty = nix::pty::openpty(None, None).unwrap();
    let end = |fd: &OwnedFd| fd.try_clone().unwrap();
    let mut command = checkout.command(&["watch", "echo"]);
    command
        .stdin(end(&pty.slave))
        .stdout(end(&pty.slave))
        .stderr(pty.slave);
    let mut watch = Program::start(&mut command);
    drop(command);
    let mut screen = Screen {
        terminal: pty.master.into(),
        text: String::new(),
    };
    screen.shows("0 of ");
    screen.press("h");
    screen.shows("hint 1 of 3");
    screen.press("l");
    screen.shows("03_echo");
    // As an editor saves that never leaves half a file: a new one, renamed into its place.
    let file = checkout.exercise("echo");
    let new = file.with_extension("new");
    fs::write(&new, "pub fn echo() {").unwrap();
    fs::rename(&new, &file).unwrap();
    screen.shows("It does not compile");
    checkout.solve("echo");
    screen.shows_that_all_passed();
    screen.press("c");
    screen.shows_that_all_passed();
    screen.press("n");
    screen.shows("04_deadlines.rs");
    screen.shows("[q] quit");
    screen.press("q");
    assert_eq!(watch.wait().code(), Some(1), "deadlines has not passed");
}

#[test]
fn watch_notices_a_save_at_once() {
    let checkout = Checkout::fresh();
    let mut command = checkout.command(&["watch", "echo"]);
    command.stdin(Stdio::piped());
    let mut watch = Program::start(&mut command);
    let stdout: OwnedFd = watch.child.stdout.take().unwrap().into();
    let mut screen = Screen {
        terminal: stdout.into(),
        text: String::new(),
    };
    screen.shows("[q] quit");
    let saved = Instant::now();
    checkout.solve("echo");
    screen.shows("echo (exercises/03_echo.rs)");
    // Half a second on a quiet machine: README. Here it may have other things to do.
    assert!(
        saved.elapsed() < Duration::from_secs(5),
        "{:?}",
        saved.elapsed()
    );
    // If the machine is too busy for a check, that is the outcome.
    let outcome = screen.shows_one_of(&["Done, and hardened", "could not be made here"]);
    watch.interrupt();
    assert_eq!(watch.wait().code(), Some([0, 3][outcome]));
}

#[test]
fn finds_an_exercise_by_any_of_its_names() {
    for name in [
        "echo",
        "3",
        "03",
        "03_echo",
        "03_echo.rs",
        "exercises/03_echo.rs",
    ] {
        assert_eq!(find(name).unwrap().name, "echo", "{name}");
    }
}

#[test]
fn names_the_nearest_of_a_misspelt_one() {
    let error = |name| find(name).unwrap_err().to_string();
    assert!(
        error("ehco").contains("did you mean `echo`?"),
        "{}",
        error("ehco")
    );
    assert!(error("dialler").contains("did you mean `dialer`?"));
    assert!(
        error("99").contains("cargo workshop list"),
        "{}",
        error("99")
    );
}
