//! The system call in which a thread is blocked, as `/proc/pid/task/tid/syscall` shows it.

use std::{fmt, str::FromStr};

use nix::libc;

use super::Doing;

/// A system call in which a thread can wait, by what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// splice, as std::io::copy uses it to or from a pipe.
    Splice,
    /// close. It waits only where SO_LINGER is set (socket(7)).
    Close,
    /// Another, by its number.
    Other(i64),
}

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
            Call::Close => "close",
            Call::Other(number) => return write!(f, "system call {number}"),
        })
    }
}

/// A system call and its six arguments. They are compared as numbers; pointers are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SystemCall {
    /// Its number, which differs between architectures.
    pub number: i64,
    /// Its arguments.
    pub args: [u64; 6],
}

impl SystemCall {
    /// What the thread waits for.
    #[must_use]
    pub fn call(&self) -> Call {
        match self.number {
            libc::SYS_read | libc::SYS_readv | libc::SYS_recvfrom | libc::SYS_recvmsg => Call::Read,
            libc::SYS_write | libc::SYS_writev | libc::SYS_sendto | libc::SYS_sendmsg => {
                Call::Write
            }
            libc::SYS_accept | libc::SYS_accept4 => Call::Accept,
            libc::SYS_connect => Call::Connect,
            libc::SYS_ppoll
            | libc::SYS_pselect6
            | libc::SYS_epoll_pwait
            | libc::SYS_epoll_pwait2 => Call::Poll,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_poll | libc::SYS_select | libc::SYS_epoll_wait => Call::Poll,
            libc::SYS_nanosleep | libc::SYS_clock_nanosleep => Call::Sleep,
            libc::SYS_futex => Call::Lock,
            libc::SYS_splice => Call::Splice,
            libc::SYS_close => Call::Close,
            number => Call::Other(number),
        }
    }

    /// The descriptor that is the first argument of a read, a write, accept, connect, splice or
    /// close.
    #[must_use]
    pub fn fd(&self) -> Option<i32> {
        let has_one = matches!(
            self.call(),
            Call::Read | Call::Write | Call::Accept | Call::Connect | Call::Splice | Call::Close
        );
        has_one.then_some(self.args[0] as i32)
    }

    pub(super) fn doing(&self) -> Doing {
        Doing::Blocked {
            call: self.call(),
            fd: self.fd(),
        }
    }
}

/// `NR ARG ARG ARG ARG ARG ARG SP PC`, all but the first in hexadecimal. A thread that is blocked
/// outside a system call (a page fault) is `-1 SP PC`: an error.
impl FromStr for SystemCall {
    type Err = ();

    fn from_str(text: &str) -> Result<SystemCall, ()> {
        let mut words = text.split_whitespace();
        let number = words.next().ok_or(())?.parse().map_err(drop)?;
        let mut args = [0; 6];
        for arg in &mut args {
            let word = words.next().ok_or(())?;
            *arg = u64::from_str_radix(word.trim_start_matches("0x"), 16).map_err(drop)?;
        }
        match number {
            0.. => Ok(SystemCall { number, args }),
            _ => Err(()),
        }
    }
}
