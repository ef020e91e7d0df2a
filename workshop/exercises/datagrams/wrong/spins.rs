//! Asks a non-blocking socket without a pause.
//!
//! rejected by: waits in the kernel
//! cause: keeps a CPU busy

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
    socket.set_nonblocking(true)?;
    let answer = ask_by(
        Instant::now() + limit,
        socket,
        request,
        number.to_be_bytes(),
    );
    socket.set_nonblocking(false)?;
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
    let (mut again, mut wait) = (Instant::now(), Duration::from_millis(50));
    // spins here
    loop {
        let now = Instant::now(); // spins here
        // spins here
        if now >= deadline {
            return Err(TimedOut.into());
        }
        // spins here
        if now >= again {
            socket.send(&question)?;
            again = now + wait;
            wait *= 2;
        }
        // spins here
        match socket.recv(&mut buf) {
            Ok(n) if buf[..n].starts_with(&number) => return Ok(buf[4..n].to_vec()),
            Ok(_) => {}
            // spins here
            Err(error) if matches!(error.kind(), WouldBlock | TimedOut | Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
}
