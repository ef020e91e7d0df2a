//! What the tests that run programs share: where the programs are, and how to talk to one.

#![allow(
    dead_code,
    reason = "each test file is a program of its own and needs a part of this"
)]

pub mod zoo;

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio},
    time::Duration,
};

use nix::sys::signal::Signal;
use socket_workshop::deadline::Deadline;

/// Longer than anything here takes, on a machine that does other things too.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A lesson's program: `cargo test` builds the examples beside the tests.
pub fn lesson(name: &str) -> Command {
    let test = env::current_exe().expect("the test has a path");
    let debug = test.ancestors().nth(2).expect("…/target/debug/deps/test");
    let program: PathBuf = debug.join("examples").join(name);
    assert!(
        program.exists(),
        "{} is not built: run `cargo build --examples`",
        program.display()
    );
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A lesson's program under a limit of `prlimit`'s (util-linux), such as `--nofile=24`.
pub fn limited(limit: &str, name: &str) -> Command {
    let mut command = Command::new("prlimit");
    command.arg(limit).arg(lesson(name).get_program());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Processor time that a program has used, in hundredths of a second.
pub fn processor_time(program: &Program) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", program.child.id()))
        .expect("it has not been waited for");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |field: usize| fields[field].parse::<u64>().expect("a number, proc(5)");
    ticks(11) + ticks(12)
}

/// Runs a program to its end with these words on its stdin, which then ends.
#[track_caller]
pub fn run(command: &mut Command, input: &str) -> Output {
    let mut child = Program::start(command.stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().expect("it was piped");
    // A program that does not read its stdin may end before all is written: that is its right.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let (mut stdout, mut stderr) = (child.child.stdout.take(), child.child.stderr.take());
    let read = |pipe: Option<&mut dyn Read>| {
        let mut bytes = Vec::new();
        pipe.map(|pipe| pipe.read_to_end(&mut bytes))
            .transpose()
            .expect("a pipe can be read");
        bytes
    };
    let (out, err) = std::thread::scope(|scope| {
        let err = scope.spawn(|| read(stderr.as_mut().map(|pipe| pipe as &mut dyn Read)));
        (
            read(stdout.as_mut().map(|pipe| pipe as &mut dyn Read)),
            err.join().expect("it only reads"),
        )
    });
    Output {
        status: child.wait(),
        stdout: out,
        stderr: err,
    }
}

/// Reads to the end of these words: false if the output ends before.
pub fn read_until(from: &mut impl Read, text: &mut String, words: &str) -> bool {
    let mut bytes = std::mem::take(text).into_bytes();
    while !bytes.ends_with(words.as_bytes()) {
        let mut byte = [0];
        if from.read(&mut byte).expect("a pipe can be read") == 0 {
            break;
        }
        bytes.push(byte[0]);
    }
    *text = String::from_utf8(bytes).expect("it is text");
    text.ends_with(words)
}

/// A program that is killed, at the latest, when the test is over.
pub struct Program {
    pub child: Child,
    pub stdin: Option<ChildStdin>,
}

impl Program {
    #[track_caller]
    pub fn start(command: &mut Command) -> Program {
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdin = child.stdin.take();
        Program { child, stdin }
    }

    /// Starts a server, and returns with the address in the line it says first.
    #[track_caller]
    pub fn serve(command: &mut Command) -> (Program, SocketAddr, BufReader<ChildStdout>) {
        let mut program = Program::start(command);
        let mut said = BufReader::new(program.child.stdout.take().expect("it was piped"));
        let mut line = String::new();
        said.read_line(&mut line).expect("a pipe can be read");
        let addr = line
            .trim_start_matches("listening on ")
            .split([';', '\n'])
            .next();
        let addr = addr.and_then(|addr| addr.parse().ok());
        (
            program,
            addr.unwrap_or_else(|| panic!("no address in {line:?}")),
            said,
        )
    }

    #[track_caller]
    pub fn wait(&mut self) -> std::process::ExitStatus {
        let child = &mut self.child;
        let ended = Deadline::after(PATIENCE).wait_for(|| child.try_wait());
        ended
            .expect("it is our child")
            .expect("the program ends in time")
    }

    /// What `kill -INT` does, and Ctrl-C.
    pub fn interrupt(&self) {
        self.signal(Signal::SIGINT);
    }

    pub fn signal(&self, signal: Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        nix::sys::signal::kill(pid, signal).expect("it is our child");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Calls again after EINTR. A test that runs strace can stop the threads of this process, and lets
/// them go on: that ends some calls (signal(7)).
pub fn again_after_a_stop<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Whether a program is installed. If not, says which test could not be made.
pub fn installed(program: &str) -> bool {
    let paths = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&paths).any(|folder| folder.join(program).exists());
    if !found {
        eprintln!("skipped: `{program}` is not installed here");
    }
    found
}
