//! The processes that an answer leaves. A process whose parent ends becomes a child of the nearest
//! ancestor that is a subreaper (PR_SET_CHILD_SUBREAPER, prctl(2)). A new process group, a new
//! session or an empty environment does not change that. So the examiner is a subreaper, and a
//! child that it has not started itself is an orphan.

use std::{
    collections::HashSet,
    fs, io,
    process::{self, Child, Command},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    libc,
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};
use socket_workshop::deadline::Deadline;

/// SIGKILL takes effect at once, unless the kernel is busy for the process. Orphans that start
/// others faster than they are killed must not hold the examiner up.
const LIMIT: Duration = Duration::from_secs(2);

/// How often a process that was killed is looked at before the first rest.
const AT_ONCE: usize = 200;

/// This process as the parent of orphans, until the value is dropped.
///
/// A child that has not been waited for keeps its number, so a signal cannot reach a stranger. That
/// is why all who start, wait for or kill children here take turns.
#[derive(Debug)]
pub struct Orphans {
    /// Children that are not orphans: those started here, and those that were there before.
    ours: Mutex<HashSet<Pid>>,
}

impl Orphans {
    /// From now on orphans among this process's descendants become its children.
    pub fn adopt() -> Orphans {
        let ours = Mutex::new(children().into_iter().collect());
        subreaper(true);
        Orphans { ours }
    }

    /// Starts a child.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let mut ours = self.turn();
        let child = command.spawn()?;
        ours.insert(pid(&child));
        Ok(child)
    }

    /// Kills a child of [`Orphans::spawn`], stopped or not, and waits until it has ended. Its
    /// number may become another's afterwards.
    pub fn end(&self, child: &mut Child) -> io::Result<process::ExitStatus> {
        let _ = child.kill();
        let status = child.wait()?;
        self.turn().remove(&pid(child));
        Ok(status)
    }

    /// Kills all orphans, and those that become orphans by that. What is
    /// left after two seconds stays.
    pub fn kill(&self) {
        let mut ours = self.turn();
        let deadline = Deadline::after(LIMIT);
        loop {
            let orphans = children().into_iter().filter(|child| !ours.contains(child));
            let mut orphans: Vec<Pid> = orphans.collect();
            for orphan in &orphans {
                if kill(*orphan, Signal::SIGKILL) == Err(Errno::EPERM) {
                    // It has another user's rights: nothing can be done about it.
                    ours.insert(*orphan);
                }
            }
            orphans.retain(|orphan| !ours.contains(orphan));
            let ended = orphans
                .iter()
                .filter(|orphan| has_ended(**orphan, deadline));
            if ended.count() < orphans.len() || orphans.is_empty() || deadline.passed() {
                return;
            }
        }
    }

    fn turn(&self) -> MutexGuard<'_, HashSet<Pid>> {
        self.ours.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Orphans {
    fn drop(&mut self) {
        self.kill();
        subreaper(false);
    }
}

/// The process of a child.
pub fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// How many processes descend from this one. Stops counting soon after `most`.
pub fn descendants(process: Pid, most: usize) -> usize {
    let mut found = children_of(process).unwrap_or_default();
    let mut looked = 0;
    while looked < found.len() && found.len() <= most {
        found.extend(children_of(found[looked]).unwrap_or_default());
        looked += 1;
    }
    found.len()
}

/// Whether a child that was killed has ended by the deadline; it is waited for.
fn has_ended(child: Pid, deadline: Deadline) -> bool {
    let look = || match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
        Ok(WaitStatus::StillAlive) => Ok(None),
        Ok(_) | Err(Errno::ECHILD) => Ok(Some(())),
        Err(errno) => Err(errno.into()),
    };
    // Without a rest at first: a process that starts another and ends must not always be ahead.
    for _ in 0..AT_ONCE {
        if let Ok(Some(())) = look() {
            return true;
        }
        thread::yield_now();
    }
    matches!(deadline.wait_for(look), Ok(Some(())))
}

/// The children of this process.
fn children() -> Vec<Pid> {
    children_of(Pid::this()).unwrap_or_else(|_| children_by_parent())
}

/// The children of all threads of a process (proc(5), `/proc/pid/task/tid/children`).
fn children_of(process: Pid) -> io::Result<Vec<Pid>> {
    let mut children = Vec::new();
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let list = match fs::read_to_string(thread?.path().join("children")) {
            Ok(list) => list,
            // A thread that has ended has handed its children on to another.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => continue,
            Err(error) => return Err(error),
        };
        let numbers = list.split_whitespace();
        children.extend(numbers.filter_map(|number| number.parse().ok().map(Pid::from_raw)));
    }
    Ok(children)
}

/// The same, where the kernel has no such lists (CONFIG_PROC_CHILDREN): every process shows its
/// parent in the second field after its name (proc(5), `/proc/pid/stat`).
fn children_by_parent() -> Vec<Pid> {
    let is_child = |pid: &Pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        let parent = stat.and_then(|stat| {
            let (_, fields) = stat.rsplit_once(')')?;
            fields.split_whitespace().nth(1)?.parse().ok()
        });
        parent == Some(process::id())
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| process.file_name().to_str()?.parse().ok())
        .map(Pid::from_raw)
        .filter(is_child)
        .collect()
}

/// On other systems orphans become children of init, and their former parent is not known.
fn subreaper(on: bool) {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_child_subreaper(on);
    #[cfg(not(target_os = "linux"))]
    let _ = on;
}
