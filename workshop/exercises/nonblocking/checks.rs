//! Checks of exercise 10: a dial that ends by a deadline, or when it is cancelled.
//!
//! How the answer waits is its own affair: the checks look at what came back, when, what the kernel
//! shows meanwhile, and what is left.

mod call;
mod cause;
mod ends;
mod hangs;
mod waits;

use std::{
    io,
    net::{SocketAddr, TcpStream},
    os::fd::BorrowedFd,
    time::Duration,
};

use super::Exercise;
use crate::exam::{Rule, Suite, check};

/// Exercise 10.
pub const EXERCISE: Exercise = Exercise {
    number: 10,
    name: "nonblocking",
    task: "a dial that ends by a deadline, or when it is cancelled",
    hints: [
        "A socket that was made non-blocking before `connect` returns EINPROGRESS at once: the dial is \
         under way. From then on everything happens in one place: `poll`, with the socket (POLLOUT) and \
         `cancel` (POLLIN), for what remains of the limit.",
        "poll returns for four reasons. The socket is ready: the dial is over, and SO_ERROR \
         (`take_error`) tells once how. `cancel` is ready, which is more than POLLIN: \
         `PollFd::any`. Nothing is ready: look at the clock. EINTR: a signal, compute what remains and \
         wait on. Whatever you return, a socket that is dropped is closed.",
        "loop { let left = limit.saturating_sub(started.elapsed()); if left.is_zero() { return \
         Err(ErrorKind::TimedOut.into()) } let mut fds = [PollFd::new(socket.as_fd(), \
         PollFlags::POLLOUT), PollFd::new(cancel, PollFlags::POLLIN)]; let up = \
         left.saturating_add(Duration::from_micros(999)); match poll(&mut fds, \
         PollTimeout::try_from(up).unwrap_or(PollTimeout::MAX)) { Ok(0) | Err(Errno::EINTR) => continue, \
         Ok(_) => {} Err(errno) => return Err(errno.into()) } if fds[1].any() == Some(true) { return \
         Err(ErrorKind::ConnectionAborted.into()) } break } and then take_error",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 10 is held to.
pub const SUITE: Suite<Connect> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "gives back a connected, blocking stream",
                ends::gives_back_a_connected_blocking_stream,
            ),
            check("dials both families", ends::dials_both_families),
            check("returns a refusal as refused", ends::returns_a_refusal),
            check(
                "returns what connect says at once",
                ends::returns_what_connect_says_at_once,
            ),
            check(
                "gives up when the limit is over",
                waits::gives_up_when_the_limit_is_over,
            ),
            check(
                "waits in the kernel, however long the limit",
                waits::waits_in_the_kernel,
            ),
            check(
                "waits for a late answer, in one dial",
                waits::waits_for_a_late_answer,
            ),
            check("goes on after a signal", waits::goes_on_after_a_signal),
            check(
                "keeps to its limit through signals",
                waits::keeps_to_its_limit_through_signals,
            ),
            check(
                "ends when it is cancelled",
                waits::ends_when_it_is_cancelled,
            ),
            check(
                "takes the end of cancel for a cancel",
                waits::takes_the_end_of_cancel_for_a_cancel,
            ),
            check("leaves nothing behind", ends::leaves_nothing_behind),
        ],
    )],
    cause: cause::likely,
};

/// The student's function.
pub type Connect = fn(SocketAddr, Duration, BorrowedFd<'_>) -> io::Result<TcpStream>;
