//! Sends on a thread that goes on when the call has returned.
//!
//! rejected by: leaves no thread and no descriptor
//! cause: Join every thread

use std::{
    io::{
        self,
        ErrorKind::{Interrupted, TimedOut, WouldBlock},
    },
    net::UdpSocket,
    thread,
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
    let clone = socket.try_clone()?;
    thread::spawn(move || {
        let mut wait = Duration::from_millis(50);
        while Instant::now() < deadline && clone.send(&question).is_ok() {
            thread::sleep(wait); // waits here
            wait *= 2;
        }
    });
    let mut buf = vec![0; 65_507];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        match socket.recv(&mut buf) {
            Ok(n) if buf[..n].starts_with(&number) => return Ok(buf[4..n].to_vec()),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), WouldBlock | TimedOut | Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
}
