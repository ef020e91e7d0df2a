//! Compares the clock with the limit only when a pause is over.
//!
//! rejected by: times out while other datagrams arrive
//! cause: look at the clock after each `recv`

use std::{
    io::{
        self,
        ErrorKind::{Interrupted, TimedOut, WouldBlock},
    },
    net::UdpSocket,
    time::{Duration, Instant},
};

pub fn ask(
    socket: &UdpSocket,
    request: &[u8],
    number: u32,
    limit: Duration,
) -> io::Result<Vec<u8>> {
    let timeout = socket.read_timeout()?;
    let answer = ask_by(
        Instant::now() + limit,
        socket,
        request,
        number.to_be_bytes(),
    );
    socket.set_read_timeout(timeout)?;
    answer
}

fn ask_by(
    deadline: Instant,
    socket: &UdpSocket,
    request: &[u8],
    number: [u8; 4],
) -> io::Result<Vec<u8>> {
    let question = [&number, request].concat();
    let mut buf = vec![0; 65_507];
    let mut wait = Duration::from_millis(50);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(TimedOut.into());
        }
        socket.send(&question)?;
        socket.set_read_timeout(Some(wait.min(left)))?;
        wait *= 2;
        loop {
            match socket.recv(&mut buf) {
                Ok(n) if buf[..n].starts_with(&number) => return Ok(buf[4..n].to_vec()),
                Ok(_) => {}
                Err(error) if error.kind() == Interrupted => {}
                Err(error) if matches!(error.kind(), WouldBlock | TimedOut) => break,
                Err(error) => return Err(error),
            }
        }
    }
}
