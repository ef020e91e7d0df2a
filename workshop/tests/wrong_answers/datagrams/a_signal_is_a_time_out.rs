//! Treats a call that was interrupted as a pause that has ended.
//!
//! rejected by: keeps the times after signals
//! cause: Only the clock

use std::{
    io::{
        self,
        ErrorKind::{Interrupted, TimedOut, WouldBlock},
    },
    net::UdpSocket,
    time::{Duration, Instant},
};

/// As long as a datagram can be: what a receive has no room for is lost.
const LONGEST: usize = 65_507;

/// Asks until the answer to this number has come, and returns its text.
pub fn ask(
    socket: &UdpSocket,
    request: &[u8],
    number: u32,
    limit: Duration,
) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + limit;
    let timeout = socket.read_timeout()?;
    let answer = ask_by(deadline, socket, request, number);
    socket.set_read_timeout(timeout)?; // whatever has come of it
    answer
}

fn ask_by(
    deadline: Instant,
    socket: &UdpSocket,
    request: &[u8],
    number: u32,
) -> io::Result<Vec<u8>> {
    let number = number.to_be_bytes();
    let question = [&number, request].concat();
    let mut buf = vec![0; LONGEST];
    let (mut again, mut wait) = (Instant::now(), Duration::from_millis(50));
    loop {
        // Two points in time, and whatever has come, the clock alone says whether they have passed.
        let now = Instant::now();
        if now >= deadline {
            return Err(TimedOut.into());
        }
        if now >= again {
            socket.send(&question)?;
            again = now + wait;
            wait *= 2;
        }
        // Not zero, for both are ahead of `now`.
        socket.set_read_timeout(Some(again.min(deadline) - now))?;
        match socket.recv(&mut buf) {
            // Of n bytes only: what stands behind them came with an earlier datagram.
            Ok(n) => {
                if let Some(text) = buf[..n].strip_prefix(&number) {
                    return Ok(text.to_vec());
                }
            }
            // EAGAIN: the timeout ran out (TimedOut on Windows). EINTR: a signal came.
            Err(error) if matches!(error.kind(), WouldBlock | TimedOut | Interrupted) => {
                again = Instant::now(); // nothing has come: ask again
            }
            // ECONNREFUSED, for one: the other kernel's answer to something that was sent.
            Err(error) => return Err(error),
        }
    }
}
