//! Exercise 8, done: an answer, the FIN after it, and a drained peer.

use std::{
    io::{
        self,
        ErrorKind::{Interrupted, TimedOut, WouldBlock},
        Read, Write,
    },
    net::{Shutdown, TcpStream},
    process::ExitCode,
    time::{Duration, Instant},
};

/// Sends an answer and closes the connection, so that all of it arrives.
///
/// `stream` is taken by value: the descriptor is closed on every path out.
pub fn answer(mut stream: TcpStream, mut bytes: &[u8], limit: Duration) -> io::Result<()> {
    let deadline = Instant::now() + limit;
    // Not `write_all`, which would restart the timeout for each part that a slow peer has made room
    // for.
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(remaining(deadline)?))?;
        let n = unless_too_soon(stream.write(bytes))?.unwrap_or(0);
        bytes = &bytes[n..];
    }
    // The FIN, after the data. The kernel sends what is left even after a close; but a close with
    // bytes unread sends RST and discards it, and so does each byte that arrives after the close.
    // So read to the peer's end of file first.
    if let Err(error) = stream.shutdown(Shutdown::Write) {
        // NotConnected, if a RST arrived after the last write: SO_ERROR still has it. The next read
        // might not report it: after the peer's end of file it returns Ok(0) all the same.
        return Err(stream.take_error()?.unwrap_or(error));
    }
    let mut scrap = [0; 8 << 10];
    loop {
        stream.set_read_timeout(Some(remaining(deadline)?))?;
        if let Some(0) = unless_too_soon(stream.read(&mut scrap))? {
            return Ok(());
        }
    }
}

/// What is left until the deadline. It is never zero: std refuses a timeout of zero.
fn remaining(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(TimedOut.into());
    }
    Ok(left)
}

/// `None` for a call that ended without having done anything: by its timeout (EAGAIN; TimedOut on
/// Windows) or by a signal (EINTR). The clock decides whether it is too late.
fn unless_too_soon(result: io::Result<usize>) -> io::Result<Option<usize>> {
    let too_soon = |kind| matches!(kind, WouldBlock | TimedOut | Interrupted);
    match result {
        Err(error) if too_soon(error.kind()) => Ok(None),
        result => result.map(Some),
    }
}

fn main() -> ExitCode {
    workshop::checks::close::SUITE.examine(answer)
}
