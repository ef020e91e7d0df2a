//! Dials on threads, and does not stop those that have not succeeded.
//!
//! rejected by: leaves nothing but the stream
//! cause: a thread that it started still dials

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
    let mut outcomes: Vec<io::Result<TcpStream>> = Vec::new();
    outcomes.resize_with(addrs.len(), || Err(ErrorKind::TimedOut.into()));
    let (mut started, mut failed) = (0, 0);
    while failed < addrs.len() {
        let remaining = deadline.saturating_duration_since(Instant::now());
        if remaining.is_zero() {
            break;
        }
        let mut patience = remaining;
        if started < addrs.len() {
            let (i, addr, results) = (started, addrs[started], results.clone());
            thread::spawn(move || results.send((i, TcpStream::connect_timeout(&addr, remaining))));
            started += 1;
            patience = remaining.min(Duration::from_millis(250)); // the head start
        }
        match come.recv_timeout(patience) {
            Ok((_, Ok(stream))) => return Ok(stream),
            Ok((i, error)) => {
                outcomes[i] = error;
                failed += 1;
            }
            Err(_) => {}
        }
    }
    let errors: Vec<io::Error> = outcomes.into_iter().filter_map(Result::err).collect();
    let texts = addrs.iter().zip(&errors);
    let text: Vec<String> = texts
        .map(|(addr, error)| format!("{addr}: {error}"))
        .collect();
    let kind = errors.last().map_or(ErrorKind::TimedOut, io::Error::kind);
    Err(io::Error::new(kind, text.join("; ")))
}
