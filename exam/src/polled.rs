//! What the student's threads wait for in poll and epoll: more than the call's name says.

use std::{fs, fs::File, os::unix::fs::FileExt};

use nix::libc;
use socket_workshop::threads::{Call, SystemCall};

use super::{Exam, Verdict, here, threads::students};

impl Exam {
    /// What the student's threads wait for in poll and epoll, as `/proc/pid/fd` names it:
    /// `socket:[123]`. `None` if one waits in a call of which the kernel does not show that
    /// (select).
    ///
    /// # Errors
    /// The kernel does not show the threads.
    pub fn polled(&self) -> Verdict<Option<Vec<String>>> {
        let threads = here("look at threads", students())?;
        let calls = threads.iter().filter_map(|thread| thread.call);
        let polls = calls.filter(|call| call.call() == Call::Poll);
        let fds: Option<Vec<Vec<i32>>> = polls.map(|call| descriptors(&call)).collect();
        let name = |fd: i32| fs::read_link(format!("/proc/self/fd/{fd}")).ok();
        Ok(fds.map(|fds| {
            let targets = fds.into_iter().flatten().filter_map(name);
            let names = targets.map(|target| target.to_string_lossy().into_owned());
            names.collect()
        }))
    }
}

fn descriptors(call: &SystemCall) -> Option<Vec<i32>> {
    let [first, count, ..] = call.args;
    match call.number {
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll => in_array(first, count),
        libc::SYS_ppoll => in_array(first, count),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_epoll_wait => in_epoll(first),
        libc::SYS_epoll_pwait | libc::SYS_epoll_pwait2 => in_epoll(first),
        _ => None,
    }
}

/// The descriptors in an array of `struct pollfd`, which is in this process's memory.
fn in_array(array: u64, count: u64) -> Option<Vec<i32>> {
    let memory = File::open("/proc/self/mem").ok()?;
    let fd = |n| {
        let mut bytes = [0; 4];
        memory.read_exact_at(&mut bytes, array + 8 * n).ok()?;
        Some(i32::from_ne_bytes(bytes))
    };
    (0..count.min(1024)).map(fd).collect()
}

/// The descriptors that an epoll instance watches (proc(5), `/proc/pid/fdinfo`).
fn in_epoll(fd: u64) -> Option<Vec<i32>> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    let watched = info.lines().filter_map(|line| line.strip_prefix("tfd:"));
    watched
        .map(|line| line.split_whitespace().next()?.parse().ok())
        .collect()
}
