//! What the threads of this process are doing: running, or blocked in which system call, on which
//! descriptor, and for how long (proc(5): `/proc/pid/task/tid/syscall` and `schedstat`). A kernel
//! may restrict the first of these files; then a thread is [`Doing::Unknown`].

mod lasts;
mod memory;
mod polled;
mod system_call;

use std::{fmt, fs, io, path::Path, time::Duration};

use nix::{libc, unistd::gettid};

pub use self::{
    lasts::Lasts,
    system_call::{Call, SystemCall},
};
use crate::deadline::Deadline;

/// How long a thread may take until it is blocked. Generous: the machine may be busy.
const LIMIT: Duration = Duration::from_secs(5);

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It runs, or is ready to run and waits for a CPU.
    Running,
    /// It is blocked in a system call.
    Blocked {
        /// The call.
        call: Call,
        /// Its descriptor, where the call's first argument is one.
        fd: Option<i32>,
    },
    /// The kernel does not say.
    Unknown,
}

/// A thread of this process, as one look found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its number, as in `/proc/self/task`.
    pub id: i32,
    /// Its name. A thread inherits the name of the thread that started it.
    pub name: String,
    /// What it is doing.
    pub doing: Doing,
    /// The system call in which it is blocked, with its arguments.
    pub call: Option<SystemCall>,
    /// How often it has been given a CPU. While this number stands still the thread has not run.
    pub turns: u64,
}

impl Thread {
    /// Whether it is blocked in a system call.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        matches!(self.doing, Doing::Blocked { .. })
    }

    /// Whether it has not run since an earlier look, which found it blocked in the same call.
    #[must_use]
    pub fn has_stayed_blocked_since(&self, earlier: &Thread) -> bool {
        self.is_blocked()
            && (self.id, self.turns) == (earlier.id, earlier.turns)
            && self.call == earlier.call
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doing::Running => f.write_str("running"),
            Doing::Blocked { call, fd: Some(fd) } => write!(f, "in {call} on fd {fd}"),
            Doing::Blocked { call, fd: None } => write!(f, "in {call}"),
            Doing::Unknown => f.write_str("somewhere the kernel does not show"),
        }
    }
}

/// The threads of this process, without the one that calls this.
///
/// # Errors
/// There is no `/proc`, or no descriptor to read it with.
pub fn others() -> io::Result<Vec<Thread>> {
    let own = gettid().to_string();
    let mut threads = Vec::new();
    for entry in fs::read_dir("/proc/self/task")? {
        let task = entry?.path();
        if task.ends_with(&own) {
            continue;
        }
        match look_at(&task) {
            Ok(thread) => threads.extend(thread),
            Err(error) if has_ended(&error) => {}
            Err(error) => return Err(error),
        }
    }
    threads.sort_by_key(|thread| thread.id);
    Ok(threads)
}

/// The files of a thread that has ended are gone, or cannot be read any more.
fn has_ended(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// One thread. `None` if it is about to end.
fn look_at(task: &Path) -> io::Result<Option<Thread>> {
    let name = fs::read_to_string(task.join("comm"))?;
    // Turns first: a thread that runs between the two reads is then seen with an outdated number,
    // which the next look will not find again.
    let turns = turns(task)?;
    let (doing, call) = match fs::read_to_string(task.join("syscall")) {
        Ok(text) if text.starts_with("-1 0x0 ") => return Ok(None), // it has no stack any more
        Ok(text) => doing(&text),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            // The memory of a thread that is about to end is gone, and then its files are root's.
            if is_ending(&fs::read_to_string(task.join("stat"))?) {
                return Ok(None);
            }
            (Doing::Unknown, None)
        }
        Err(error) => return Err(error),
    };
    let id = task.file_name().and_then(|id| id.to_str()?.parse().ok());
    Ok(id.map(|id| Thread {
        id,
        name: name.trim_end().to_owned(),
        doing,
        call,
        turns,
    }))
}

/// Whether a thread is about to end, by its file `stat`, which every user may read: the ninth field
/// has the flag PF_EXITING (proc(5), linux/sched.h).
fn is_ending(stat: &str) -> bool {
    const PF_EXITING: u32 = 0x4;
    // The second field is the name in parentheses, which may have spaces and parentheses in it.
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let flags = after_name.split_whitespace().nth(6);
    let flags = flags.and_then(|flags| flags.parse::<u32>().ok());
    flags.is_some_and(|flags| flags & PF_EXITING != 0)
}

/// What a thread does, by its file `syscall` (proc(5), `/proc/pid/syscall`).
fn doing(syscall: &str) -> (Doing, Option<SystemCall>) {
    // `-1`: it does not run, and is not in a system call. Most likely it is in a page fault, which
    // ends by itself.
    if syscall.starts_with("running") || syscall.starts_with("-1 ") {
        return (Doing::Running, None);
    }
    match syscall.parse::<SystemCall>() {
        Ok(call) => (call.doing(), Some(call)),
        Err(()) => (Doing::Unknown, None),
    }
}

/// How often the thread has been given a CPU (proc(5): the third number of `schedstat`). Where the
/// kernel does not count that: how often it has lost one, of its own will or not (`status`).
fn turns(task: &Path) -> io::Result<u64> {
    let number = |word: Option<&str>| word.and_then(|word| word.parse::<u64>().ok());
    match fs::read_to_string(task.join("schedstat")) {
        Ok(text) => Ok(number(text.split_whitespace().nth(2)).unwrap_or(0)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let status = fs::read_to_string(task.join("status"))?;
            let switches = status
                .lines()
                .filter(|line| line.contains("ctxt_switches:"));
            Ok(switches
                .filter_map(|line| number(line.split_whitespace().last()))
                .sum())
        }
        Err(error) => Err(error),
    }
}

/// How long the calling thread has waited for a CPU so far, ready to run.
/// Zero where the kernel does not say.
#[must_use]
pub fn run_delay() -> Duration {
    delay(Path::new("/proc/thread-self"))
}

/// The same of the thread of this process that has waited the longest.
#[must_use]
pub fn longest_run_delay() -> Duration {
    let tasks = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let delays = tasks.map(|task| delay(&task.path()));
    delays.max().unwrap_or_default()
}

/// The second number of `schedstat`, in nanoseconds (proc(5)).
fn delay(task: &Path) -> Duration {
    let text = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
    let delay = text.split_whitespace().nth(1).and_then(|n| n.parse().ok());
    Duration::from_nanos(delay.unwrap_or(0))
}

/// Waits until at least this many of the other threads are blocked in this call, for at most five
/// seconds. `None` where the kernel does not say what threads are doing.
#[must_use]
pub fn wait_in(call: Call, count: usize) -> Option<bool> {
    let look = || {
        let threads = others()?;
        let in_call = |thread: &&Thread| match thread.doing {
            Doing::Blocked { call: is, .. } => is == call,
            _ => false,
        };
        let blocked = threads.iter().filter(in_call).count() >= count;
        let unknown = threads.iter().all(|thread| thread.doing == Doing::Unknown);
        Ok((blocked || unknown).then_some(blocked))
    };
    match Deadline::after(LIMIT).wait_for(look) {
        Ok(Some(blocked)) => blocked.then_some(true),
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests;
