//! Checks of exercise 10: a dial that ends by a deadline, or when it is cancelled.
//!
//! The checks look at what it returned and when (`ends`, `waits`), what the kernel shows meanwhile,
//! and what is left (`left`). `harness` is one call; `cause` and `hangs` are what can have gone
//! wrong.

mod cause;
mod ends;
mod hangs;
mod harness;
mod left;
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
        "`connect` on a non-blocking socket returns EINPROGRESS immediately: the dial is under \
         way. From then on wait in one place: `poll`, with the socket (POLLOUT) and `cancel` \
         (POLLIN), for what remains of the limit.",
        "poll returns for four reasons. The socket is ready: the dial is over, and SO_ERROR \
         (`take_error`) says once how it ended. `cancel` is ready, and not only with POLLIN: ask \
         `PollFd::any`. Nothing is ready: compute what remains. EINTR, a signal: compute what \
         remains and wait again. A socket that is dropped is closed.",
        "loop { let left = limit.saturating_sub(started.elapsed()); if left.is_zero() { return \
         Err(ErrorKind::TimedOut.into()) } let mut fds = [PollFd::new(socket.as_fd(), \
         PollFlags::POLLOUT), PollFd::new(cancel, PollFlags::POLLIN)]; let up = \
         left.saturating_add(Duration::from_micros(999)); match poll(&mut fds, \
         PollTimeout::try_from(up).unwrap_or(PollTimeout::MAX)) { Ok(0) | Err(Errno::EINTR) => \
         continue, Ok(_) => {} Err(errno) => return Err(errno.into()) } if fds[1].any() == \
         Some(true) { return Err(ErrorKind::ConnectionAborted.into()) } break } and then \
         take_error",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 10 is held to.
pub const SUITE: Suite<Connect> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "Return a stream that is connected to `addr`, which is an IPv4 or an IPv6 address. \
             Send nothing on it.",
            &[
                check(
                    "returns a connected stream",
                    ends::returns_a_connected_stream,
                ),
                check("dials IPv4 and IPv6", ends::dials_both_families),
                check("sends nothing", ends::sends_nothing),
            ],
        ),
        Rule::core(
            "Return the stream blocking, and with every other option as the kernel sets it.",
            &[
                check("returns a blocking stream", ends::returns_a_blocking_stream),
                check("sets no option of the stream", ends::sets_no_option),
            ],
        ),
        Rule::core(
            "Begin one dial and wait for that one: the kernel repeats the SYN.",
            &[
                check("makes one connection", ends::makes_one_connection),
                check(
                    "waits for a late answer to its first SYN",
                    waits::waits_for_a_late_answer,
                ),
            ],
        ),
        Rule::core(
            "If the dial fails, return the kernel's error: ConnectionRefused if it was refused.",
            &[
                check("returns ConnectionRefused", ends::returns_a_refusal),
                check(
                    "returns an error that connect reports immediately",
                    ends::returns_an_immediate_error,
                ),
                check(
                    "returns another error than a refusal",
                    ends::returns_another_error,
                ),
            ],
        ),
        Rule::core(
            "When `limit` has passed since the call, return TimedOut: not earlier and not later. A \
             limit of zero has already passed: return TimedOut immediately.",
            &[
                check(
                    "times out when the limit has passed",
                    waits::times_out_at_the_limit,
                ),
                check(
                    "times out immediately when the limit is zero",
                    waits::times_out_at_zero,
                ),
            ],
        ),
        Rule::core(
            "When `cancel` is readable, or becomes readable, return ConnectionAborted.",
            &[
                check("returns when it is cancelled", waits::is_cancelled),
                check(
                    "returns when it was cancelled before the call",
                    waits::was_cancelled_before,
                ),
            ],
        ),
        Rule::hardened(
            "End of file on `cancel` cancels too.",
            &[check(
                "returns at end of file on cancel",
                waits::is_cancelled_by_end_of_file,
            )],
        ),
        Rule::hardened(
            "`cancel` belongs to the caller: read nothing from it, do not close it, and leave its \
             flags unchanged.",
            &[
                check(
                    "reads nothing from cancel",
                    waits::reads_nothing_from_cancel,
                ),
                check("does not close cancel", waits::does_not_close_cancel),
                check(
                    "leaves the flags of cancel unchanged",
                    waits::leaves_the_flags_of_cancel,
                ),
            ],
        ),
        Rule::hardened(
            "Accept a limit of any length, Duration::MAX too.",
            &[check(
                "accepts a limit of any length",
                waits::accepts_any_limit,
            )],
        ),
        Rule::hardened(
            "Wait for the dial and for `cancel` at the same time, in the kernel. Do not sleep and \
             check again, and do not spin.",
            &[
                check(
                    "waits for the dial and for cancel at the same time",
                    waits::waits_for_both,
                ),
                check("does not spin until its limit", waits::does_not_spin),
            ],
        ),
        Rule::hardened(
            "A signal (EINTR) neither ends the call nor restarts its limit.",
            &[
                check("continues after a signal", waits::continues_after_a_signal),
                check("keeps its dial after a signal", waits::keeps_its_dial),
                check("keeps its limit after signals", waits::keeps_its_limit),
            ],
        ),
        Rule::hardened(
            "On every path out, leave no dial under way, no thread, and no descriptor except the \
             stream's.",
            &[
                check("leaves no dial under way", left::leaves_no_dial),
                check("leaves no thread on any path", left::leaves_no_thread),
                check(
                    "leaves no descriptor on any path",
                    left::leaves_no_descriptor,
                ),
            ],
        ),
    ],
    cause: cause::diagnose,
};

/// The student's function.
pub type Connect = fn(SocketAddr, Duration, BorrowedFd<'_>) -> io::Result<TcpStream>;
