//! Asks both connections again and again, and never waits.
//!
//! rejected by: waits without a timeout
//! cause: does not wait in the kernel

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

use socket2::SockRef;

pub fn relay(client: TcpStream, server: TcpStream) -> io::Result<(u64, u64)> {
    thread::scope(|scope| {
        let there = scope.spawn(|| one_way(&client, &server));
        let back = one_way(&server, &client);
        let there = there.join().unwrap();
        Ok((there?, back?))
    })
}

fn one_way(from: &TcpStream, to: &TcpStream) -> io::Result<u64> {
    let ended = copy(from, to);
    if ended.is_err() {
        abort(from);
        abort(to);
    }
    ended
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<u64> {
    from.set_nonblocking(true)?;
    let (mut buf, mut total) = ([0; 4096], 0);
    // spins here
    loop {
        // spins here
        let n = match from.read(&mut buf) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue, // spins here
            read => read?,
        };
        if n == 0 {
            to.shutdown(Shutdown::Write)?;
            return Ok(total);
        }
        let mut left = &buf[..n];
        while !left.is_empty() {
            match to.write(left) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                written => left = &left[written?..],
            }
        }
        total += n as u64;
    }
}

fn abort(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Read);
}
