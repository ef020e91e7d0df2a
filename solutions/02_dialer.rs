//! Exercise 2, done: the first of several addresses that answers, by one limit.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    process::ExitCode,
    time::{Duration, Instant},
};

/// Connects to the first of the addresses that answers, within one limit for all of them.
///
/// # Errors
/// None has answered: the text tells what each did, the kind is that of the last.
pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let started = Instant::now();
    let mut kind = ErrorKind::InvalidInput; // and it stays so if there is no address at all
    let mut outcomes = Vec::new();
    for (i, addr) in addrs.iter().enumerate() {
        // What remains is computed anew each time: a refusal came at once, by RST, and leaves its
        // share to the others. A silent address uses up its own, and no more.
        let remaining = limit.saturating_sub(started.elapsed());
        match connect(addr, remaining / (addrs.len() - i) as u32) {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                kind = error.kind();
                outcomes.push(format!("{addr}: {error}"));
            }
        }
    }
    let text = format!("no address has answered: {}", outcomes.join("; "));
    Err(io::Error::new(kind, text))
}

/// `connect_timeout` polls a non-blocking socket. When time is over it closes it, which ends the
/// SYN_SENT: the kernel alone would send the SYN again for about two minutes.
fn connect(addr: &SocketAddr, share: Duration) -> io::Result<TcpStream> {
    if share.is_zero() {
        return Err(ErrorKind::TimedOut.into()); // it would take zero for invalid input
    }
    TcpStream::connect_timeout(addr, share)
}

fn main() -> ExitCode {
    workshop::checks::dialer::SUITE.examine(dial)
}
