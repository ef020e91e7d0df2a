//! Exercise 4: deadlines
//!
//! Your server reads lines from clients it does not trust. A client may be silent, send one byte
//! now and then, or never send a newline. Write the call that reads one line: it returns by a
//! deadline, and it never takes more from the socket than a line may have.
//!
//! Core rules (about 25 minutes):
//!   1. Return the bytes before the newline (`\n`) as a `String`. Remove the newline and nothing
//!      else.
//!   2. Read until the newline comes. A line may arrive in any number of pieces.
//!   3. Leave the bytes after the newline in the socket. They belong to the next call.
//!   4. `limit` begins with the call. If no newline has come when it is over, return TimedOut, and
//!      never earlier. Bytes that arrive do not extend it. If it is zero, return TimedOut
//!      immediately, even if a line is there.
//!   5. Wait in the kernel. A thread that waits for bytes uses no CPU.
//!   6. Return UnexpectedEof at end of file before the newline, even if no byte came before it.
//!   7. Accept a line of `max` bytes, and return FileTooLarge for a longer one. The newline does
//!      not count, and `max` may be any number.
//!
//! Hardened rules (about 20 minutes more):
//!   8. Return FileTooLarge as soon as max + 1 bytes have come without a newline. Take no more than
//!      these from the socket.
//!   9. Return InvalidData for a line that is not UTF-8. The next call reads the line after it.
//!   10. Continue after a signal (EINTR). It does not extend the limit.
//!   11. Return any other error of the kernel as it is: a reset is ConnectionReset.
//!   12. Leave the stream open and blocking, whatever you return. After a timeout that read
//!       nothing, the next call reads what comes later.
//!   13. Leave no thread and no descriptor behind, whatever you return.
//!
//! Limits are shorter than a day, so `Instant::now() + limit` does not overflow. If the newline is
//! in the socket at the deadline and you have not read it, you may return the line or TimedOut. The
//! call may leave a read timeout on the socket: the next call sets another. After TimedOut within a
//! line, and after FileTooLarge, the caller closes the connection: the start of the next line is
//! unknown.
//!
//! How to go on:
//!
//!     cargo workshop check deadlines  checks it; so does  cargo test -p exercises --test deadlines
//!     cargo workshop hint deadlines   helps, a little more each time
//!     cargo run --example deadlines   runs the lesson

use std::{io, net::TcpStream, process::ExitCode, time::Duration};

/// Reads one line, and returns it without its newline.
pub fn read_line_within(stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    let _ = (stream, limit, max);
    todo!(
        "compute the deadline first; then read to the newline, with the remaining time as each \
         read's timeout"
    )
}

fn main() -> ExitCode {
    workshop::checks::deadlines::SUITE.examine(read_line_within)
}
