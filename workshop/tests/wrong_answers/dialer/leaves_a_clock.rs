//! Leaves a thread that watches the clock.
//!
//! rejected by: leaves nothing but the stream
//! cause: a thread that it started is still there

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let started = Instant::now();
    let over = Arc::new(AtomicBool::new(limit.is_zero()));
    let clock = Arc::clone(&over);
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_millis(5)); // waits here
            clock.store(started.elapsed() >= limit, Ordering::SeqCst);
        }
    });
    let mut kind = ErrorKind::InvalidInput;
    let mut outcomes = Vec::new();
    for (i, addr) in addrs.iter().enumerate() {
        let remaining = limit.saturating_sub(started.elapsed());
        let share = match over.load(Ordering::SeqCst) {
            true => Duration::ZERO,
            false => remaining / (addrs.len() - i) as u32,
        };
        match connect(addr, share) {
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

fn connect(addr: &SocketAddr, share: Duration) -> io::Result<TcpStream> {
    if share.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    TcpStream::connect_timeout(addr, share)
}
