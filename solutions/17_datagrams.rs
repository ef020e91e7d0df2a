//! Exercise 17, done: a question, sent until its answer arrives.

use std::{
    io::{
        self,
        ErrorKind::{Interrupted, TimedOut, WouldBlock},
    },
    net::UdpSocket,
    process::ExitCode,
    time::{Duration, Instant},
};

/// The most that a datagram over IPv4 can have: bytes that do not fit into the buffer are lost.
const LONGEST: usize = 65_507;

/// Asks until the answer with this number arrives, and returns its text.
pub fn ask(
    socket: &UdpSocket,
    request: &[u8],
    number: u32,
    limit: Duration,
) -> io::Result<Vec<u8>> {
    let deadline = Instant::now().checked_add(limit); // none if no clock can hold it
    let timeout = socket.read_timeout()?;
    let answer = ask_by(deadline, socket, request, number);
    socket.set_read_timeout(timeout)?; // after an error too
    answer
}

fn ask_by(
    deadline: Option<Instant>,
    socket: &UdpSocket,
    request: &[u8],
    number: u32,
) -> io::Result<Vec<u8>> {
    let number = number.to_be_bytes();
    let question = [&number, request].concat();
    let mut buf = vec![0; LONGEST];
    let (mut again, mut wait) = (Instant::now(), Duration::from_millis(50));
    loop {
        // Two points in time. Only the clock decides whether they have passed, whatever has
        // arrived.
        let now = Instant::now();
        if deadline.is_some_and(|deadline| now >= deadline) {
            return Err(TimedOut.into());
        }
        if now >= again {
            socket.send(&question)?;
            again = now + wait;
            wait *= 2;
        }
        // Not zero: both are later than `now`.
        let next = deadline.map_or(again, |deadline| again.min(deadline));
        socket.set_read_timeout(Some(next - now))?;
        match socket.recv(&mut buf) {
            // Only n bytes belong to this datagram: after them are bytes of an earlier one.
            Ok(n) => {
                if let Some(text) = buf[..n].strip_prefix(&number) {
                    return Ok(text.to_vec());
                }
            }
            // EAGAIN: the timeout has ended (TimedOut on Windows). EINTR: a signal arrived.
            Err(error) if matches!(error.kind(), WouldBlock | TimedOut | Interrupted) => {}
            // ECONNREFUSED, for example: the other kernel's answer to a datagram that was sent.
            // Linux returns it because the socket is connected; else only with IP_RECVERR (ip(7)).
            Err(error) => return Err(error),
        }
    }
}

fn main() -> ExitCode {
    workshop::checks::datagrams::SUITE.examine(ask)
}
