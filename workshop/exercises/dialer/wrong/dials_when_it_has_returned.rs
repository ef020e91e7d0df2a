//! Dials on threads with a timetable, and stops none of them when one has succeeded.
//!
//! rejected by: dials nothing more once an address has answered
//! cause: after `dial` had returned

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    if addrs.is_empty() {
        return Err(ErrorKind::InvalidInput.into());
    }
    let deadline = Instant::now() + limit;
    let (results, come) = mpsc::channel();
    for (i, &addr) in addrs.iter().enumerate() {
        let results = results.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(150 * i as u64)); // the head start
            let remaining = deadline.saturating_duration_since(Instant::now());
            let result = match remaining.is_zero() {
                true => Err(ErrorKind::TimedOut.into()),
                false => TcpStream::connect_timeout(&addr, remaining),
            };
            let _ = results.send((i, result));
        });
    }
    let mut outcomes = vec![ErrorKind::TimedOut; addrs.len()];
    for _ in addrs {
        let remaining = deadline.saturating_duration_since(Instant::now());
        match come.recv_timeout(remaining) {
            Ok((_, Ok(stream))) => return Ok(stream),
            Ok((i, Err(error))) => outcomes[i] = error.kind(),
            Err(_) => break,
        }
    }
    let each = addrs.iter().zip(&outcomes);
    let text: Vec<String> = each.map(|(addr, kind)| format!("{addr}: {kind}")).collect();
    Err(io::Error::new(outcomes[addrs.len() - 1], text.join("; ")))
}
