//! The descriptors for which a thread waits in poll or epoll.

use std::{fmt::Display, fs};

use nix::libc;

use super::{SystemCall, memory};

impl SystemCall {
    /// The descriptors of this process that a blocked poll or epoll_wait waits for. An epoll among
    /// them is ready when one that it watches is: these are included. `None` for another call, and
    /// where the kernel does not show them (select).
    #[must_use]
    pub fn polled(&self) -> Option<Vec<i32>> {
        let [first, count, ..] = self.args;
        let fds = match self.number {
            #[cfg(target_arch = "x86_64")]
            libc::SYS_poll => in_array(first, count),
            libc::SYS_ppoll => in_array(first, count),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_epoll_wait => in_epoll(first),
            libc::SYS_epoll_pwait | libc::SYS_epoll_pwait2 => in_epoll(first),
            _ => None,
        };
        fds.map(with_watched)
    }
}

/// These, and what the epolls among them watch.
fn with_watched(mut fds: Vec<i32>) -> Vec<i32> {
    let mut next = 0;
    while let Some(fd) = fds.get(next) {
        next += 1;
        let link = fs::read_link(format!("/proc/self/fd/{fd}"));
        if link.is_ok_and(|link| link.as_os_str() == "anon_inode:[eventpoll]") {
            let mut watched = in_epoll(fd).unwrap_or_default();
            watched.retain(|fd| !fds.contains(fd));
            fds.extend(watched);
        }
    }
    fds
}

/// The descriptors in an array of `struct pollfd`: the descriptor, and what is asked about it.
/// poll(2) ignores an entry whose descriptor is negative.
fn in_array(array: u64, count: u64) -> Option<Vec<i32>> {
    let fd = |n| memory::read::<4>(array + 8 * n).map(i32::from_ne_bytes);
    let fds: Option<Vec<i32>> = (0..count.min(1024)).map(fd).collect();
    Some(fds?.into_iter().filter(|fd| *fd >= 0).collect())
}

/// The descriptors that an epoll instance watches (proc(5), `/proc/pid/fdinfo`).
fn in_epoll(fd: impl Display) -> Option<Vec<i32>> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    let watched = info.lines().filter_map(|line| line.strip_prefix("tfd:"));
    watched
        .map(|line| line.split_whitespace().next()?.parse().ok())
        .collect()
}
