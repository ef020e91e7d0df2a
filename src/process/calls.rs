//! Counts the system calls of another process, as strace(1) does: the kernel stops a traced thread
//! where a call begins and where it ends (ptrace(2), PTRACE_SYSCALL). A parent may trace its child
//! without privileges.

use std::{
    collections::HashSet,
    fs, io,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc::{self, Sender},
    },
    thread,
};

use nix::{
    errno::Errno,
    sys::{
        ptrace::{self, Options},
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use super::{PATIENCE, Process};
use crate::{
    deadline::Deadline,
    threads::{Call, SystemCall},
};

/// Ignored by every program that does not handle it, and seen by a tracer all the same.
const WAKE: Signal = Signal::SIGWINCH;

/// How many system calls have begun, by what they are for. Calls that differ in their names only
/// (read and recvfrom, accept and accept4) are one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// accept.
    pub accept: usize,
    /// poll, select and epoll_wait.
    pub poll: usize,
    /// read and recv.
    pub read: usize,
    /// write and send.
    pub write: usize,
    /// close.
    pub close: usize,
    /// All others: options, memory, threads.
    pub other: usize,
}

impl Calls {
    /// Of all kinds.
    #[must_use]
    pub fn total(&self) -> usize {
        self.accept + self.poll + self.read + self.write + self.close + self.other
    }

    fn add(&mut self, call: Option<SystemCall>) {
        let kind = match call.map(|call| call.call()) {
            Some(Call::Accept) => &mut self.accept,
            Some(Call::Poll) => &mut self.poll,
            Some(Call::Read) => &mut self.read,
            Some(Call::Write) => &mut self.write,
            Some(Call::Close) => &mut self.close,
            _ => &mut self.other,
        };
        *kind += 1;
    }
}

impl Process {
    /// Counts the system calls that all threads of the process begin while this runs. The count
    /// begins and ends when all of them wait, so it is exact. `None` where the kernel forbids to
    /// trace the process; then `work` does not run.
    ///
    /// # Errors
    /// What `work` failed with. [`io::ErrorKind::TimedOut`]: the threads do not come to wait.
    pub fn count_calls(&self, work: impl FnOnce() -> io::Result<()>) -> io::Result<Option<Calls>> {
        let pid = Pid::from_raw(self.0.id().cast_signed());
        let tracer = Tracer {
            pid,
            calls: Mutex::default(),
            is_over: AtomicBool::new(false),
        };
        thread::scope(|scope| {
            let (ready, is_ready) = mpsc::channel();
            let tracer = &tracer;
            let tracing =
                thread::Builder::new().spawn_scoped(scope, move || tracer.trace(&ready))?;
            let counted = match is_ready.recv() {
                Ok(()) => tracer.count(work).map(Some),
                Err(_) => Ok(None),
            };
            tracer.is_over.store(true, SeqCst);
            let _ = kill(pid, WAKE); // the tracer waits for the next stop
            let traced = tracing.join().expect("it only counts");
            counted.and_then(|calls| traced.map(|()| calls))
        })
    }
}

struct Tracer {
    pid: Pid,
    calls: Mutex<Calls>,
    is_over: AtomicBool,
}

impl Tracer {
    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, work: impl FnOnce() -> io::Result<()>) -> io::Result<Calls> {
        self.comes_to_wait()?;
        *self.calls() = Calls::default();
        work()?;
        self.comes_to_wait()
    }

    /// Waits until all threads sleep, and have begun no call between two looks. Returns the calls
    /// so far.
    fn comes_to_wait(&self) -> io::Result<Calls> {
        let mut before = None;
        let look = || {
            let all_sleep = threads_of(self.pid)?.iter().all(|tid| self.sleeps(*tid));
            let calls = all_sleep.then(|| *self.calls());
            let is_same = calls == before;
            before = calls;
            Ok(calls.filter(|_| is_same))
        };
        let waits = Deadline::after(PATIENCE).wait_for(look)?;
        waits.ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    /// Whether a thread is in an interruptible wait: `S` after its name (proc(5),
    /// `/proc/pid/stat`). A thread that its tracer has stopped is `t`.
    fn sleeps(&self, tid: Pid) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/task/{tid}/stat", self.pid));
        stat.is_ok_and(|stat| stat.rsplit(") ").next().is_some_and(|s| s.starts_with('S')))
    }

    /// Traces all threads until the count is over. When this thread ends, the kernel lets them go.
    /// Drops the sender where that is forbidden.
    fn trace(&self, ready: &Sender<()>) -> io::Result<()> {
        // The threads that they start are traced from their first call on.
        let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE;
        for tid in threads_of(self.pid)? {
            if ptrace::seize(tid, options).is_err() {
                return Ok(());
            }
            ptrace::interrupt(tid)?; // it stops; `syscall` below lets it go on to its next call
        }
        let _ = ready.send(());
        let mut in_a_call = HashSet::new();
        while !self.is_over.load(SeqCst) {
            // Of all children only those that this thread traces.
            let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
            let (tid, signal) = match waitpid(None, Some(flags)) {
                // Two stops for each call: where it begins and where it ends.
                Ok(WaitStatus::PtraceSyscall(tid)) => {
                    if !in_a_call.remove(&tid) {
                        in_a_call.insert(tid);
                        self.calls().add(self.call_of(tid));
                    }
                    (tid, None)
                }
                Ok(WaitStatus::Stopped(tid, signal)) => (tid, Some(signal)),
                Ok(WaitStatus::PtraceEvent(tid, _, _)) => (tid, None),
                Ok(_) | Err(Errno::EINTR) => continue, // a thread has ended
                Err(Errno::ECHILD) => break,           // the last one has
                Err(errno) => return Err(errno.into()),
            };
            match ptrace::syscall(tid, signal) {
                Ok(()) | Err(Errno::ESRCH) => {} // it may have been killed meanwhile
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    fn call_of(&self, tid: Pid) -> Option<SystemCall> {
        let text = fs::read_to_string(format!("/proc/{}/task/{tid}/syscall", self.pid));
        text.ok()?.parse().ok()
    }
}

fn threads_of(pid: Pid) -> io::Result<Vec<Pid>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        let name = entry?.file_name();
        threads.extend(
            name.to_str()
                .and_then(|tid| tid.parse().ok())
                .map(Pid::from_raw),
        );
    }
    Ok(threads)
}
