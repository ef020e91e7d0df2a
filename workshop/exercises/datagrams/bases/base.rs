//! Another right answer, frozen: edits of `mistakes.diff` are made to it.

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
        Instant::now() + limit.min(Duration::from_secs(1 << 32)),
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
    let (mut again, mut wait) = (Instant::now(), Duration::from_millis(50));
    loop {
        let now = Instant::now();
        if now >= deadline {
            return Err(TimedOut.into());
        }
        if now >= again {
            socket.send(&question)?;
            again = now + wait;
            wait *= 2;
        }
        socket.set_read_timeout(Some(again.min(deadline) - now))?;
        match socket.recv(&mut buf) {
            Ok(n) if buf[..n].starts_with(&number) => return Ok(buf[4..n].to_vec()),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), WouldBlock | TimedOut | Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
}
