//! A server in a process of its own, seen from outside: its threads, its memory, its system calls.
//!
//! What a process uses can be measured while nothing else runs in it. So lesson `servers` starts
//! itself once more for each server, and hands it the listener as stdin, as inetd(8) does.

mod calls;

use std::{
    env, fs, io,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::fd::AsFd,
    process::{Child, Command, Stdio},
    time::Duration,
};

pub use self::calls::Calls;
use crate::{deadline::Deadline, fault::Attempt};

/// How long a server may take to do what it certainly does. The machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that is killed when this is dropped.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts this program once more, with these arguments, and with the listener as its stdin.
    /// Returns when it has printed a line: it is ready.
    ///
    /// # Errors
    /// It could not be started, or has ended without a line.
    pub fn start(arguments: &[&str], listener: &TcpListener) -> io::Result<Process> {
        let program = env::current_exe()?;
        let mut process = Command::new(&program)
            .args(arguments)
            .stdin(listener.as_fd().try_clone_to_owned()?)
            .stdout(Stdio::piped())
            .spawn()
            .map(Process)
            .attempt(|| format!("cannot start {}", program.display()))?;
        let stdout = process.0.stdout.take().expect("it is piped");
        match BufReader::new(stdout).read_line(&mut String::new())? {
            0 => Err(io::Error::other("a server has ended at its start")),
            _ => Ok(process),
        }
    }

    /// How many threads it has. `None` where there is no `/proc`.
    #[must_use]
    pub fn threads(&self) -> Option<usize> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0.id())).ok()?;
        Some(tasks.count())
    }

    /// Waits until it has this many threads, for at most 30 seconds. True where there is no
    /// `/proc` to say so.
    #[must_use]
    pub fn comes_to_threads(&self, count: usize) -> bool {
        let look = || Ok((self.threads().is_none_or(|n| n == count)).then_some(()));
        matches!(Deadline::after(PATIENCE).wait_for(look), Ok(Some(())))
    }

    /// The memory that it has written to and that is in no file, in bytes: heap and stacks.
    /// (proc(5), `/proc/pid/smaps_rollup`; the figures of `status` are not exact.) `None` where
    /// the kernel does not say.
    #[must_use]
    pub fn memory(&self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0.id())).ok()?;
        let line = text.lines().find(|line| line.starts_with("Anonymous:"))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib << 10)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill(); // fails only if it has ended
        let _ = self.0.wait();
    }
}

/// For the process that was started: its listener, which is stdin. From now on it is killed when
/// the program that has started it ends, however that ends (Linux: prctl(2), PR_SET_PDEATHSIG).
///
/// # Errors
/// Stdin cannot be duplicated.
pub fn inherited_listener() -> io::Result<TcpListener> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}
