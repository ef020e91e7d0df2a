//! How long a blocked system call can last: without end, or until a timeout.
//!
//! A read with a timeout and one without look the same in `/proc`. The difference is the socket's
//! option SO_RCVTIMEO (socket(7)), which is read from a duplicate of the
//! descriptor. Other calls have the timeout among their arguments, or a
//! pointer to it, which is followed in `/proc/self/mem`.

use std::{fs, time::Duration};

use nix::{
    libc,
    time::{ClockId, clock_gettime},
};
use socket2::Socket;

use super::{Call, SystemCall, memory};
use crate::table::duplicate;

/// How long a blocked system call can last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// Until another thread of this process, or a peer, acts. It has no timeout.
    Endless,
    /// No longer than this from now, or from its start.
    AtMost(Duration),
    /// It waits for something outside this process and its connections: a
    /// timer, a child, a terminal.
    Outside,
    /// The kernel does not say.
    Unknown,
}

/// FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME, which are not part of the operation.
const FUTEX_FLAGS: u64 = 128 | 256;

impl SystemCall {
    /// How long it can last. Costs some system calls of its own: for a thread that stays blocked.
    #[must_use]
    pub fn lasts(&self) -> Lasts {
        match self.call() {
            Call::Read | Call::Accept => self.on_a_descriptor(Socket::read_timeout),
            Call::Write => self.on_a_descriptor(Socket::write_timeout),
            Call::Connect => match self.on_a_descriptor(Socket::write_timeout) {
                Lasts::Endless => Lasts::AtMost(Duration::from_secs(131)), // tcp_syn_retries of 6
                limited => limited,
            },
            Call::Poll => self.poll_lasts(),
            Call::Sleep => self.sleep_lasts(),
            Call::Lock => self.futex_lasts(),
            Call::Splice => Lasts::Unknown,
            Call::Close => Lasts::Outside, // the descriptor, and with it its SO_LINGER, is gone
            Call::Other(_) => Lasts::Outside, // wait4, sigtimedwait, …
        }
    }

    fn on_a_descriptor(&self, timeout: fn(&Socket) -> std::io::Result<Option<Duration>>) -> Lasts {
        let Some(fd) = self.fd() else {
            return Lasts::Unknown;
        };
        match descriptor(fd) {
            Descriptor::Socket => match duplicate(fd).map(|socket| timeout(&socket)) {
                Ok(Ok(None)) => Lasts::Endless,
                Ok(Ok(Some(timeout))) => Lasts::AtMost(timeout),
                _ => Lasts::Unknown,
            },
            Descriptor::Inside => Lasts::Endless,
            Descriptor::Outside => Lasts::Outside,
        }
    }

    fn poll_lasts(&self) -> Lasts {
        let [_, _, third, fourth, fifth, _] = self.args;
        let milliseconds = |argument: u64| match argument as i32 {
            0.. => Lasts::AtMost(Duration::from_millis(argument as u32 as u64)),
            _ => Lasts::Endless,
        };
        let lasts = match self.number {
            #[cfg(target_arch = "x86_64")]
            libc::SYS_poll => milliseconds(third),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_epoll_wait => milliseconds(fourth),
            libc::SYS_epoll_pwait => milliseconds(fourth),
            libc::SYS_epoll_pwait2 => until(fourth),
            libc::SYS_ppoll => until(third),
            _ => until(fifth), // select and pselect6
        };
        if lasts != Lasts::Endless {
            return lasts;
        }
        match self.polled() {
            None => Lasts::Unknown,
            Some(fds) if fds.iter().any(|fd| descriptor(*fd) == Descriptor::Outside) => {
                Lasts::Outside
            }
            Some(_) => Lasts::Endless,
        }
    }

    fn sleep_lasts(&self) -> Lasts {
        let [_, flags, request, ..] = self.args;
        match self.number {
            libc::SYS_nanosleep => until(self.args[0]),
            _ if flags & libc::TIMER_ABSTIME as u64 == 0 => until(request),
            _ => until_the_clock_says(request),
        }
    }

    fn futex_lasts(&self) -> Lasts {
        let [_, operation, _, timeout, ..] = self.args;
        match (operation & !FUTEX_FLAGS) as i32 {
            _ if timeout == 0 => Lasts::Endless,
            libc::FUTEX_WAIT => until(timeout),
            libc::FUTEX_WAIT_BITSET if operation & 256 == 0 => until_the_clock_says(timeout),
            _ => Lasts::Unknown,
        }
    }
}

/// A pointer to a `struct timespec`, a time from the start of the call; null for no timeout.
fn until(pointer: u64) -> Lasts {
    match pointer {
        0 => Lasts::Endless,
        _ => timespec(pointer).map_or(Lasts::Unknown, Lasts::AtMost),
    }
}

/// A pointer to a `struct timespec`, a point in time of CLOCK_MONOTONIC.
fn until_the_clock_says(pointer: u64) -> Lasts {
    match (timespec(pointer), clock_gettime(ClockId::CLOCK_MONOTONIC)) {
        (Some(point), Ok(now)) => Lasts::AtMost(point.saturating_sub(now.into())),
        _ => Lasts::Unknown,
    }
}

fn timespec(pointer: u64) -> Option<Duration> {
    let bytes = memory::read::<16>(pointer)?;
    let (seconds, nanoseconds) = bytes.split_at(8);
    let number = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().expect("eight bytes"));
    // A caller may ask for more than the clock can say.
    let nanoseconds = u32::try_from(number(nanoseconds)).ok()?;
    Some(Duration::new(number(seconds), nanoseconds.min(999_999_999)))
}

/// What a descriptor leads to.
#[derive(PartialEq, Eq)]
enum Descriptor {
    Socket,
    /// A pipe or an eventfd: only this process writes to it, as long as it has no children.
    Inside,
    /// The clock, a terminal, a signal, or what the process was started with.
    Outside,
}

fn descriptor(fd: i32) -> Descriptor {
    let target = fs::read_link(format!("/proc/self/fd/{fd}")).unwrap_or_default();
    let target = target.to_string_lossy();
    match fd {
        0..=2 => Descriptor::Outside,
        _ if target.starts_with("socket:") => Descriptor::Socket,
        _ if target.starts_with("pipe:") || target == "anon_inode:[eventfd]" => Descriptor::Inside,
        _ => Descriptor::Outside,
    }
}
