//! Exercise 2, done: a connection to the first of several addresses that answers, within one limit.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    process::ExitCode,
    time::{Duration, Instant},
};

/// Connects to the first of the addresses that answers, within one limit for all of them.
///
/// Each address has an equal share of the limit. This is simple, but a share below 1 s loses an
/// address to one lost SYN: the kernel sends a SYN again after 1 s (RFC 6298, section 2). Attempts
/// that overlap have the whole limit each (RFC 8305): `src/dial.rs` is written so.
///
/// # Errors
/// No address has answered. The text says what each did, and the kind is that of the last.
pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let started = Instant::now();
    let mut kind = ErrorKind::InvalidInput; // it stays so if the list is empty
    let mut outcomes = Vec::new();
    for (i, addr) in addrs.iter().enumerate() {
        // A refusal comes immediately, as RST, and leaves its share to the others. A silent address
        // uses up its own share and no more.
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

/// `connect_timeout` polls a non-blocking socket, and closes it when the time is over. That ends
/// the attempt: otherwise the kernel would send the SYN again for about two minutes.
fn connect(addr: &SocketAddr, share: Duration) -> io::Result<TcpStream> {
    if share.is_zero() {
        return Err(ErrorKind::TimedOut.into()); // `connect_timeout` rejects zero as InvalidInput
    }
    TcpStream::connect_timeout(addr, share)
}

fn main() -> ExitCode {
    workshop::checks::dialer::SUITE.examine(dial)
}
