//! What the threads of this process are doing: running, or blocked in which system call on which
//! descriptor (proc(5), `/proc/pid/task/tid/syscall`). A kernel may restrict that file.

use std::{fmt, fs, process, time::Duration};

use nix::libc;

use crate::deadline::Deadline;

/// How long a thread may take to come where it will be blocked. Generous: the machine may be busy.
const LIMIT: Duration = Duration::from_secs(5);

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It runs, or could: it waits for nothing.
    Running,
    /// It waits in a system call, on a descriptor where the call's first argument is one.
    Blocked {
        /// The call.
        call: Call,
        /// Its descriptor.
        fd: Option<i32>,
    },
    /// The kernel does not tell.
    Unknown,
}

/// A system call in which a thread can wait, by what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// read, recvfrom and their like.
    Read,
    /// write, sendto and their like.
    Write,
    /// accept.
    Accept,
    /// connect.
    Connect,
    /// poll, select and epoll_wait.
    Poll,
    /// nanosleep.
    Sleep,
    /// futex: a lock, a channel, a join, `park`.
    Lock,
    /// splice, as std::io::copy uses it.
    Splice,
    /// Another, by its number.
    Other(i64),
}

/// `recvfrom`, as `strace` would name it.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Call::Read => "a read (recv)",
            Call::Write => "a write (send)",
            Call::Accept => "accept",
            Call::Connect => "connect",
            Call::Poll => "poll",
            Call::Sleep => "a sleep",
            Call::Lock => "a wait for another thread (futex)",
            Call::Splice => "splice",
            Call::Other(number) => return write!(f, "system call {number}"),
        })
    }
}

/// Waits until so many threads of this process or more, `main`'s own aside, are blocked in this call:
/// whether they come to that within five seconds. `None` where the kernel does not tell.
#[must_use]
pub fn wait_in(call: Call, count: usize) -> Option<bool> {
    let look = || {
        let threads = of_threads(|_| true);
        let there =
            |doing: &&Doing| matches!(doing, Doing::Blocked { call: is, .. } if *is == call);
        let blocked = threads.iter().filter(there).count() >= count;
        let unknown = threads.iter().all(|doing| *doing == Doing::Unknown);
        Ok((blocked || unknown).then_some(blocked))
    };
    match Deadline::after(LIMIT).wait_for(look) {
        Ok(Some(blocked)) => blocked.then_some(true),
        _ => Some(false),
    }
}

/// What each thread of this process is doing, `main`'s own aside, of those whose names are meant.
pub fn of_threads(are_meant: impl Fn(&str) -> bool) -> Vec<Doing> {
    let Ok(folder) = fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    let main = process::id().to_string();
    let tasks = folder.flatten().map(|entry| entry.path());
    tasks
        .filter(|task| !task.ends_with(&main))
        .filter(|task| are_meant(&fs::read_to_string(task.join("comm")).unwrap_or_default()))
        .filter_map(|task| match fs::read_to_string(task.join("syscall")) {
            Ok(text) if text.starts_with("-1 0x0 ") => None, // no stack any more: it is ending
            Ok(text) => Some(parse(&text)),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => None, // it has ended
            Err(_) => Some(Doing::Unknown),
        })
        .collect()
}

/// `running`, `-1 SP PC`, or the call's number and its arguments in hexadecimal.
fn parse(text: &str) -> Doing {
    if text.starts_with("running") {
        return Doing::Running;
    }
    let mut words = text.split_whitespace();
    let number = words.next().and_then(|word| word.parse::<i64>().ok());
    let first = words
        .next()
        .and_then(|word| i32::from_str_radix(word.trim_start_matches("0x"), 16).ok());
    let Some(number @ 0..) = number else {
        return Doing::Unknown;
    };
    let call = call(number);
    let on_a_descriptor = matches!(
        call,
        Call::Read | Call::Write | Call::Accept | Call::Connect | Call::Splice
    );
    Doing::Blocked {
        call,
        fd: first.filter(|_| on_a_descriptor),
    }
}

fn call(number: libc::c_long) -> Call {
    match number {
        libc::SYS_read | libc::SYS_readv | libc::SYS_recvfrom | libc::SYS_recvmsg => Call::Read,
        libc::SYS_write | libc::SYS_writev | libc::SYS_sendto | libc::SYS_sendmsg => Call::Write,
        libc::SYS_accept | libc::SYS_accept4 => Call::Accept,
        libc::SYS_connect => Call::Connect,
        libc::SYS_ppoll | libc::SYS_pselect6 | libc::SYS_epoll_pwait => Call::Poll,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll | libc::SYS_select | libc::SYS_epoll_wait => Call::Poll,
        libc::SYS_nanosleep | libc::SYS_clock_nanosleep => Call::Sleep,
        libc::SYS_futex => Call::Lock,
        libc::SYS_splice => Call::Splice,
        number => Call::Other(number),
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, wait_in};
    use std::{io::Read, os::unix::net::UnixStream, thread};

    #[test]
    fn a_thread_that_is_blocked_in_a_read_is_seen_there() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let reader = thread::spawn(move || theirs.read(&mut [0]));
        assert_ne!(wait_in(Call::Read, 1), Some(false));
        drop(ours);
        assert_eq!(reader.join().unwrap().unwrap(), 0);
    }
}
