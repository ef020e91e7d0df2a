//! Checks of exercise 4: a line by a deadline, and never more than a line may have.

mod bytes;
mod cause;
mod harness;
mod stream;
mod time;

use std::{io, net::TcpStream, time::Duration};

use super::Exercise;
use crate::exam::{Rule, Suite, check};

/// Exercise 4.
pub const EXERCISE: Exercise = Exercise {
    number: 4,
    name: "deadlines",
    task: "read a line by a deadline, and never more than a line may have",
    hints: [
        "A read timeout limits one call, and it starts again with each read. Compute the deadline \
         once, at the start, as an `Instant`. Before each read compute what remains until then, \
         and set that as the read timeout. What does `set_read_timeout` do with a duration of \
         zero?",
        "The bytes after the newline belong to the next call. `peek` shows what has come and takes \
         nothing; then `read_exact` takes the part that belongs to the line (it is there, so this \
         read does not wait). Take what has come \
         even if it has no newline, or the next `peek` does not wait. Convert the bytes to text \
         when the line is complete.",
        "let left = deadline.saturating_duration_since(Instant::now()); if left.is_zero() { return \
         Err(ErrorKind::TimedOut.into()) } stream.set_read_timeout(Some(left))?; match \
         stream.peek(&mut buf[..room]) { Err(error) if matches!(error.kind(), WouldBlock | \
         TimedOut | Interrupted) => continue, … } where room is what is missing of max + 1 bytes, \
         as far as the buffer has it: (max - line.len()).saturating_add(1).min(buf.len()).",
    ],
    rules: || SUITE.stated(),
};

/// What exercise 4 is held to.
pub const SUITE: Suite<ReadLine> = Suite {
    exercise: EXERCISE.name,
    rules: &[
        Rule::core(
            "Return the bytes before the newline (`\\n`) as a `String`. Remove the newline and \
             nothing else.",
            &[check(
                "removes the newline and nothing else",
                bytes::removes_the_newline,
            )],
        ),
        Rule::core(
            "Read until the newline comes. A line may arrive in any number of pieces.",
            &[check(
                "joins a line that comes in pieces",
                bytes::joins_the_pieces,
            )],
        ),
        Rule::core(
            "Leave the bytes after the newline in the socket. They belong to the next call.",
            &[check(
                "leaves the next line in the socket",
                bytes::leaves_the_next_line,
            )],
        ),
        Rule::core(
            "`limit` begins with the call. If no newline has come when it is over, return \
             TimedOut, and never earlier. Bytes that arrive do not extend it. If it is zero, \
             return TimedOut immediately, even if a line is there.",
            &[
                check("times out in silence", time::times_out_in_silence),
                check(
                    "times out immediately when the limit is zero",
                    time::times_out_immediately,
                ),
                check(
                    "times out while bytes arrive",
                    time::times_out_while_bytes_arrive,
                ),
                check("waits for the whole limit", time::waits_for_the_whole_limit),
            ],
        ),
        Rule::core(
            "Wait in the kernel. A thread that waits for bytes uses no CPU.",
            &[check("waits in the kernel", time::waits_in_the_kernel)],
        ),
        Rule::core(
            "Return UnexpectedEof at end of file before the newline, even if no byte came before \
             it.",
            &[check(
                "returns UnexpectedEof at end of file",
                bytes::refuses_end_of_file,
            )],
        ),
        Rule::core(
            "Accept a line of `max` bytes, and return FileTooLarge for a longer one. The newline \
             does not count, and `max` may be any number.",
            &[
                check("accepts a line of max bytes", bytes::accepts_max_bytes),
                check(
                    "refuses a line of max + 1 bytes",
                    bytes::refuses_one_more_than_max,
                ),
            ],
        ),
        Rule::hardened(
            "Return FileTooLarge as soon as max + 1 bytes have come without a newline. Take no \
             more than these from the socket.",
            &[
                check(
                    "refuses a long line before its newline comes",
                    bytes::refuses_before_the_newline,
                ),
                check(
                    "takes at most max + 1 bytes",
                    bytes::takes_no_more_than_max_and_one,
                ),
            ],
        ),
        Rule::hardened(
            "Return InvalidData for a line that is not UTF-8. The next call reads the line after \
             it.",
            &[
                check(
                    "refuses a line that is not UTF-8",
                    bytes::refuses_what_is_not_utf8,
                ),
                check(
                    "reads the line after one that is not UTF-8",
                    bytes::reads_the_line_after,
                ),
            ],
        ),
        Rule::hardened(
            "Continue after a signal (EINTR). It does not extend the limit.",
            &[
                check("continues after a signal", time::continues_after_a_signal),
                check(
                    "counts the limit through signals",
                    time::counts_the_limit_through_signals,
                ),
            ],
        ),
        Rule::hardened(
            "Return any other error of the kernel as it is: a reset is ConnectionReset.",
            &[check(
                "returns the error of a reset",
                bytes::returns_the_error_of_a_reset,
            )],
        ),
        Rule::hardened(
            "Leave the stream open and blocking, whatever you return. After a timeout that read \
             nothing, the next call reads what comes later.",
            &[
                check(
                    "leaves the stream open and blocking",
                    stream::leaves_the_stream_open,
                ),
                check("reads on after a timeout", stream::reads_on_after_a_timeout),
            ],
        ),
        Rule::hardened(
            "Leave no thread and no descriptor behind, whatever you return.",
            &[check(
                "leaves no thread and no descriptor behind",
                stream::leaves_nothing_behind,
            )],
        ),
    ],
    cause: |_| None,
};

/// The student's function.
pub type ReadLine = fn(&TcpStream, Duration, usize) -> io::Result<String>;
