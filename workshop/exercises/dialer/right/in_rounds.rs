//! Goes round the silent addresses with ever longer attempts, as long as there is time.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let started = Instant::now();
    let mut outcomes: Vec<ErrorKind> = vec![ErrorKind::TimedOut; addrs.len()];
    let equal = limit / addrs.len().max(1) as u32;
    let mut patience = equal.min(Duration::from_millis(100));
    while started.elapsed() < limit && outcomes.contains(&ErrorKind::TimedOut) {
        for (addr, outcome) in addrs.iter().zip(&mut outcomes) {
            let remaining = limit.saturating_sub(started.elapsed());
            if *outcome != ErrorKind::TimedOut || remaining.is_zero() {
                continue; // it has refused: once is enough
            }
            match TcpStream::connect_timeout(addr, remaining.min(patience)) {
                Ok(stream) => return Ok(stream),
                Err(error) => *outcome = error.kind(),
            }
        }
        patience = patience * 3 / 2;
    }
    let kind = outcomes.last().copied().unwrap_or(ErrorKind::InvalidInput);
    let text: Vec<String> = addrs
        .iter()
        .zip(&outcomes)
        .map(|(addr, outcome)| format!("{outcome} by {addr}"))
        .collect();
    Err(io::Error::new(kind, text.join(", ")))
}
