//! Exercise 4, done: a line by a deadline, and never more than a line may have.

use std::{
    io::{
        self,
        ErrorKind::{self, Interrupted, TimedOut, WouldBlock},
        Read,
    },
    net::TcpStream,
    process::ExitCode,
    time::{Duration, Instant},
};

/// Reads one line, and returns it without its newline.
pub fn read_line_within(mut stream: &TcpStream, limit: Duration, max: usize) -> io::Result<String> {
    let deadline = Instant::now() + limit;
    let (mut line, mut buf) = (Vec::new(), [0; 4 << 10]);
    while line.len() <= max {
        // No more than one byte beyond max: that one must be the newline.
        let room = buf.len().min((max - line.len()).saturating_add(1));
        let come = match peek_by(deadline, stream, &mut buf[..room])? {
            0 => return Err(ErrorKind::UnexpectedEof.into()), // no newline before it
            n => &buf[..n],
        };
        // The bytes after the newline belong to the next call, so this read stops there. It takes
        // what `peek` has shown, and does not wait. Without a newline it takes all: the next `peek`
        // is to wait for what comes, and not to see the same again.
        let newline = come.iter().position(|byte| *byte == b'\n');
        let ours = newline.map_or(come.len(), |at| at + 1);
        stream.read_exact(&mut buf[..ours])?;
        line.extend(&buf[..newline.unwrap_or(ours)]);
        if newline.is_some() {
            // Only now: a character may have come in two pieces.
            return String::from_utf8(line)
                .map_err(|error| io::Error::new(ErrorKind::InvalidData, error));
        }
    }
    Err(ErrorKind::FileTooLarge.into())
}

/// Waits for bytes, or the end of file, and shows them without taking them (recv(2), MSG_PEEK).
fn peek_by(deadline: Instant, stream: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        // SO_RCVTIMEO is for one call, so it gets what remains. Zero would mean no timeout
        // at all, and std refuses it.
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.peek(buf) {
            // EAGAIN: the timeout ran out (TimedOut on Windows). EINTR: a signal came. Only the
            // clock shows whether it is too late.
            Err(error) if matches!(error.kind(), WouldBlock | TimedOut | Interrupted) => {}
            result => return result,
        }
    }
}

fn main() -> ExitCode {
    workshop::checks::deadlines::SUITE.examine(read_line_within)
}
