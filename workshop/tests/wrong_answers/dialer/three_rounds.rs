//! Dials all addresses three times, those that refused too.
//!
//! rejected by: does not dial a refused address again
//! cause: dialed it again later

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

const ROUNDS: usize = 3;

pub fn dial(addrs: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let started = Instant::now();
    let mut kind = ErrorKind::InvalidInput;
    let mut outcomes = vec![String::new(); addrs.len()];
    for attempt in 0..ROUNDS * addrs.len() {
        let (i, left) = (attempt % addrs.len(), ROUNDS * addrs.len() - attempt);
        let remaining = limit.saturating_sub(started.elapsed());
        match connect(&addrs[i], remaining / left as u32) {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                kind = error.kind();
                outcomes[i] = format!("{}: {error}", addrs[i]);
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
