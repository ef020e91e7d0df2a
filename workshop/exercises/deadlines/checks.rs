//! Checks of exercise 4: a line by a deadline, and never more than it may be.

mod bytes;
mod call;
mod cause;
mod time;

use std::{io, net::TcpStream, time::Duration};

use super::Exercise;
use crate::exam::{Rule, Suite, check};

/// Exercise 4.
pub const EXERCISE: Exercise = Exercise {
    number: 4,
    name: "deadlines",
    task: "read a line by a deadline, and never more than it may be",
    hints: [
        "A read timeout limits one call, and each byte that comes begins another. Note first when all of \
         it must be over, as an `Instant`; before each read compute what remains until then, and set \
         that. What does `set_read_timeout` say to nothing?",
        "What stands behind the newline is the next call's. `peek` shows what has come and takes \
         nothing; then `read_exact` takes as much of it as belongs to the line. Take what has come even \
         if there is no newline in it, or the next `peek` has nothing to wait for. Bytes become text \
         when they are all there.",
        "let left = deadline.saturating_duration_since(Instant::now()); if left.is_zero() { return \
         Err(ErrorKind::TimedOut.into()) } stream.set_read_timeout(Some(left))?; match \
         stream.peek(&mut buf[..room]) { Err(error) if matches!(error.kind(), WouldBlock | TimedOut | \
         Interrupted) => continue, … } where room is what is missing of max + 1 bytes.",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 4 is held to.
pub const SUITE: Suite<ReadLine> = Suite {
    exercise: EXERCISE.name,
    rules: &[Rule::core(
        "",
        &[
            check(
                "takes the newline off, and nothing else",
                bytes::takes_the_newline_off,
            ),
            check(
                "puts together what comes in pieces",
                bytes::puts_together_what_comes_in_pieces,
            ),
            check(
                "leaves the next line in the socket",
                bytes::leaves_the_next_line_in_the_socket,
            ),
            check("times out in silence", time::times_out_in_silence),
            check(
                "ends by the deadline although bytes go on coming",
                time::ends_although_bytes_go_on_coming,
            ),
            check("waits in the kernel", time::waits_in_the_kernel),
            check("reads on after a time-out", time::reads_on_after_a_time_out),
            check("goes on after a signal", time::goes_on_after_a_signal),
            check(
                "takes neither an end of file nor a reset for a line",
                bytes::takes_no_end_for_a_line,
            ),
            check(
                "takes a line of max bytes, and none of one more",
                bytes::takes_max_bytes_and_no_more,
            ),
            check(
                "refuses a line before its newline comes",
                bytes::refuses_a_line_before_its_newline,
            ),
            check(
                "refuses what is not UTF-8, and goes on behind it",
                bytes::refuses_what_is_not_utf8,
            ),
        ],
    )],
    cause: |_| None,
};

/// The student's function.
pub type ReadLine = fn(&TcpStream, Duration, usize) -> io::Result<String>;
