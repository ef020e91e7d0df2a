//! Exercise 8, done: an answer, the FIN behind it, and the peer heard out.

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

/// Sends an answer, and closes so that all of it arrives.
///
/// `stream` is taken by value: when this returns, for whatever reason, the descriptor is closed.
pub fn answer(mut stream: TcpStream, mut bytes: &[u8], limit: Duration) -> io::Result<()> {
    let deadline = Instant::now() + limit;
    // Not `write_all`, which would begin the timeout anew for each part that a slow peer has made
    // room for.
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(remaining(deadline)?))?;
        let n = unless_too_soon(stream.write(bytes))?.unwrap_or(0);
        bytes = &bytes[n..];
    }
    // The FIN, behind the data. Whatever is not sent yet the kernel goes on sending, also after the
    // close; but a close with bytes unread would send RST and throw that away, and so would each byte
    // that came after it. So there is no close before the peer's end of file.
    if let Err(error) = stream.shutdown(Shutdown::Write) {
        // NotConnected, where a RST has come behind the last write: SO_ERROR has it still. The next
        // read might not, for behind the peer's end of file it returns Ok(0) all the same.
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

/// What is left until the deadline. It is never zero: a timeout of zero std refuses.
fn remaining(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(TimedOut.into());
    }
    Ok(left)
}

/// `None` for a call that ended without having done anything: by its timeout (EAGAIN; TimedOut on
/// Windows) or by a signal (EINTR). Whether it is too late only the clock tells.
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
