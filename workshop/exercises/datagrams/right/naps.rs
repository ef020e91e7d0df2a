//! Looks every few milliseconds, in a `recv` that times out soon, and peeks before it takes.

use std::{
    io::{self, ErrorKind::*},
    net::UdpSocket,
    time::{Duration, Instant},
};

pub fn ask(
    socket: &UdpSocket,
    request: &[u8],
    number: u32,
    limit: Duration,
) -> io::Result<Vec<u8>> {
    let was = socket.read_timeout()?;
    socket.set_read_timeout(Some(Duration::from_millis(4)))?;
    let answer = ask_often(socket, request, number, limit);
    socket.set_read_timeout(was).and(answer)
}

fn ask_often(
    socket: &UdpSocket,
    request: &[u8],
    number: u32,
    limit: Duration,
) -> io::Result<Vec<u8>> {
    let begun = Instant::now();
    let mut pauses = (0..).map(|n| Duration::from_millis(50) * (1 << n));
    let (mut sent, mut pause) = (begun, Duration::ZERO);
    let mut buf = [0; 65_507];
    while begun.elapsed() < limit {
        if sent.elapsed() >= pause {
            sent = Instant::now();
            pause = pauses.next().unwrap_or(limit);
            let mut question = number.to_be_bytes().to_vec();
            question.extend(request);
            socket.send(&question)?;
        }
        let n = match socket.peek(&mut buf).and_then(|_| socket.recv(&mut buf)) {
            Err(error) if [WouldBlock, TimedOut, Interrupted].contains(&error.kind()) => continue,
            n => n?,
        };
        match buf[..n].split_first_chunk() {
            Some((first, text)) if u32::from_be_bytes(*first) == number => return Ok(text.into()),
            _ => {}
        }
    }
    Err(TimedOut.into())
}
